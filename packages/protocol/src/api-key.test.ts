import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  apiKeyChecksum,
  type ApiKeyParts,
  ENVIRONMENTS,
  formatApiKey,
  KEY_KINDS,
  KEY_TEXT_LENGTH_MAX,
  keyDigestInput,
  parseApiKey,
  publicPart,
  randomBase62,
} from './api-key.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const base62 = (length: number) =>
  fc.string({ unit: fc.constantFrom(...BASE62), minLength: length, maxLength: length })
const parts: fc.Arbitrary<ApiKeyParts> = fc.record(
  {
    brand: fc.stringMatching(/^[a-z][a-z0-9]{1,11}$/),
    kind: fc.constantFrom(...KEY_KINDS),
    environment: fc.constantFrom(...ENVIRONMENTS),
    locator: base62(12),
    secret: base62(32),
  },
  { noNullPrototype: true },
)

interface Vectors {
  readonly valid: readonly { readonly name: string; readonly text: string; readonly parts: ApiKeyParts }[]
  readonly invalid: readonly { readonly name: string; readonly text: string }[]
}
const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', 'vectors', 'api-key.json'), 'utf8'),
) as Vectors

test('every valid vector splits into its parts and is written back the same', () => {
  assert.ok(vectors.valid.length >= 20)
  for (const { name, text, parts: expected } of vectors.valid) {
    assert.deepEqual(parseApiKey(text), expected, name)
    assert.equal(formatApiKey(expected), text, name)
  }
})

test('every invalid vector is no key', () => {
  assert.ok(vectors.invalid.length >= 30)
  for (const { name, text } of vectors.invalid) assert.equal(parseApiKey(text), null, name)
})

test('a key comes back from its text unchanged, and is no longer than the longest', () => {
  fc.assert(
    fc.property(parts, (given) => {
      const text = formatApiKey(given)
      assert.ok(text.length <= KEY_TEXT_LENGTH_MAX)
      assert.deepEqual(parseApiKey(text), given)
    }),
    { numRuns: 2_000 },
  )
})

test('a key with any one character changed to any other is no key', () => {
  const text = formatApiKey({
    brand: 'ks',
    kind: 'key',
    environment: 'production',
    locator: '000000000001',
    secret: 'Az09'.repeat(8),
  })
  for (let at = 0; at < text.length; at++) {
    for (const other of `${BASE62}_-`) {
      if (other === text[at]) continue
      assert.equal(parseApiKey(text.slice(0, at) + other + text.slice(at + 1)), null, `${at}: ${other}`)
    }
  }
})

test('any change of one character, any swap of neighbours, any missing character makes it no key', () => {
  fc.assert(
    fc.property(parts, fc.nat(), fc.constantFrom(...BASE62), (given, place, other) => {
      const text = formatApiKey(given)
      const at = place % (text.length - 1)
      const [here, next] = [text.charAt(at), text.charAt(at + 1)]
      const changed = text.slice(0, at) + other + text.slice(at + 1)
      if (changed !== text) assert.equal(parseApiKey(changed), null)
      const swapped = text.slice(0, at) + next + here + text.slice(at + 2)
      if (swapped !== text) assert.equal(parseApiKey(swapped), null)
      // A brand may lose a character and still be a brand; the checksum tells.
      assert.equal(parseApiKey(text.slice(0, at) + text.slice(at + 1)), null)
    }),
    { numRuns: 2_000 },
  )
})

test('a key whose environment or kind was rewritten is no key', () => {
  fc.assert(
    fc.property(parts, (given) => {
      const checksum = formatApiKey(given).slice(-6)
      for (const kind of KEY_KINDS) {
        for (const environment of ENVIRONMENTS) {
          if (kind === given.kind && environment === given.environment) continue
          const forged = formatApiKey({ ...given, kind, environment }).slice(0, -6) + checksum
          assert.equal(parseApiKey(forged), null)
        }
      }
    }),
  )
})

test('the parser answers null, and throws on nothing, for arbitrary values', () => {
  const nearly = fc
    .tuple(parts, fc.string({ unit: 'binary' }))
    .map(([given, tail]) => formatApiKey(given) + tail)
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.string({ unit: 'binary', maxLength: 100 }), nearly), (value) => {
      const parsed = parseApiKey(value)
      if (parsed !== null) assert.equal(formatApiKey(parsed), value)
    }),
    { numRuns: 5_000 },
  )
  const hostile = [
    new Proxy({}, {}),
    Symbol('key'),
    () => 'ks',
    10n,
    '_'.repeat(1_000_000),
    new String('ks_key'),
  ]
  for (const value of hostile) assert.equal(parseApiKey(value), null)
})

test('broken parts are never written as a key', () => {
  const good = vectors.valid[0]?.parts
  assert.ok(good)
  const broken: Partial<Record<keyof ApiKeyParts, string>>[] = [
    { brand: 'k_s' },
    { brand: 'K' },
    { kind: 'other' },
    { locator: '0'.repeat(11) },
    { secret: '0'.repeat(33) },
    { secret: `${'0'.repeat(31)}\n` },
  ]
  for (const change of broken)
    assert.throws(() => formatApiKey({ ...good, ...change } as ApiKeyParts), RangeError)
})

test('the checksum is the CRC-32 of the product tag and the body', () => {
  // By Python's zlib.crc32, an independent implementation.
  assert.equal(apiKeyChecksum(''), '0zPeBl')
  assert.equal(apiKeyChecksum('123456789'), '0eMgjp')
})

test('random characters are drawn from bytes below 248 only, in their order', () => {
  const asked: number[] = []
  const batches = [
    [255, 248, 249, 250, 251, 252, 253, 254],
    [0, 61, 62, 123, 124, 247, 248, 1],
  ]
  const random = (bytes: number): Uint8Array => {
    asked.push(bytes)
    return Uint8Array.from(batches.shift() ?? [])
  }
  assert.equal(randomBase62(7, random), '0z0z0z1')
  assert.equal(asked.length, 2)
})

test('every character is equally likely for bytes that are', () => {
  const counts = new Map<string, number>()
  const every = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  for (const character of randomBase62(248, () => every))
    counts.set(character, (counts.get(character) ?? 0) + 1)
  assert.equal(counts.size, 62)
  assert.deepEqual(new Set(counts.values()), new Set([4]))
})

test('a million random characters have no bias that a chi-square test can see', () => {
  const total = 620_000
  const counts = new Map<string, number>()
  const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes))
  for (let drawn = 0; drawn < total; drawn += 6_200) {
    for (const character of randomBase62(6_200, random))
      counts.set(character, (counts.get(character) ?? 0) + 1)
  }
  const expected = total / 62
  const chiSquare = [...BASE62].reduce(
    (sum, each) => sum + ((counts.get(each) ?? 0) - expected) ** 2 / expected,
    0,
  )
  // 61 degrees of freedom: 140 is exceeded once in 10^7 runs. Without rejection the bias of byte % 62 gives about 1,900.
  assert.ok(chiSquare < 140, `chi-square ${chiSquare}`)
})

test('what is hashed fits one block of SHA-256, and the public part holds neither secret nor checksum', () => {
  for (const { text, parts: given } of vectors.valid) {
    assert.ok(keyDigestInput(given.locator, given.secret).length <= 55)
    assert.ok(text.startsWith(`${publicPart(given)}_`))
    assert.ok(!publicPart(given).includes(given.secret))
  }
})
