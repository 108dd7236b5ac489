import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { VERIFICATION_CODES } from './decision.ts'
import { readUse, type Use, USE_RECORD_BYTES, UseWriter } from './use-record.ts'

const ALPHABET = [...'0123456789abcdefghjkmnpqrstvwxyz']
const ulid = fc
  .tuple(
    fc.constantFrom(...ALPHABET.slice(0, 8)),
    fc.array(fc.constantFrom(...ALPHABET), { minLength: 25, maxLength: 25 }),
  )
  .map(([first, rest]) => first + rest.join(''))
  .filter((text) => /[1-9a-z]/.test(text))
const at = fc.integer({ min: 0, max: 2 ** 48 - 1 })
const use: fc.Arbitrary<Use> = fc.oneof(
  fc.record(
    {
      at,
      keyId: ulid.map((text) => `key_${text}`),
      versionNumber: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      code: fc.constantFrom(...VERIFICATION_CODES).filter((code) => code !== 'NOT_FOUND'),
      asCaller: fc.boolean(),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      at,
      keyId: fc.constant(null),
      versionNumber: fc.constant(0),
      code: fc.constant('NOT_FOUND' as const),
      asCaller: fc.boolean(),
    },
    { noNullPrototype: true },
  ),
)

test('every use comes back as it was written, whatever was in the memory before', () => {
  const writer = new UseWriter(8)
  fc.assert(
    fc.property(fc.array(use, { maxLength: 8 }), (uses) => {
      writer.clear()
      for (const each of uses)
        assert.ok(writer.add(each.at, each.keyId, each.versionNumber, each.code, each.asCaller))
      const read = uses.map((_, i) => readUse(writer.bytes, i))
      assert.deepEqual(read, uses)
      assert.equal(readUse(writer.bytes, uses.length), null)
    }),
  )
})

test('what has no room is refused, and changes nothing', () => {
  const writer = new UseWriter(1)
  assert.ok(writer.add(1, null, 0, 'NOT_FOUND', false))
  const before = Buffer.from(writer.bytes)
  assert.equal(writer.add(2, null, 0, 'NOT_FOUND', false), false)
  assert.deepEqual(Buffer.from(writer.bytes), before)
})

test('bytes that no writer makes are no record', () => {
  const writer = new UseWriter(1)
  writer.add(1_795_305_600_000, `key_0${'1'.repeat(25)}`, 1, 'VALID', false)
  const valid = writer.bytes
  const changed = (offset: number, value: number): Uint8Array => {
    const bytes = Uint8Array.from(valid)
    bytes[offset] = value
    return bytes
  }
  assert.notEqual(readUse(valid, 0), null)
  assert.equal(readUse(valid.subarray(0, USE_RECORD_BYTES - 1), 0), null)
  assert.equal(readUse(valid, -1), null)
  for (const [offset, value] of [
    [26, 0],
    [26, VERIFICATION_CODES.length + 1],
    [26, 2],
    [27, 2],
    [25, 0],
    [28, 1],
    [31, 1],
  ] as const)
    assert.equal(readUse(changed(offset, value), 0), null, `${offset} ${value}`)
})
