import assert from 'node:assert/strict'
import { createHash, createHmac, createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { fastHash, readFastHash } from './fast-hash.ts'
import { isLookupOf, readForeignText } from './foreign-text.ts'

test('a text is taken apart where the rule says, or is none of the source', () => {
  const by = (separator: string, occurrence: number, hashes: 'text' | 'rest' = 'rest') =>
    ({ lookup: { separator, occurrence }, hashes }) as const
  assert.deepEqual(readForeignText(by('.', 1), 'abc.def.ghi'), { lookup: 'abc', hashed: 'def.ghi' })
  assert.deepEqual(readForeignText(by('.', 2), 'abc.def.ghi'), { lookup: 'abc.def', hashed: 'ghi' })
  assert.deepEqual(readForeignText(by('__', 1, 'text'), 'a__b'), { lookup: 'a', hashed: 'a__b' })
  for (const text of ['', '.', 'abc', 'abc.', '.abc']) assert.equal(readForeignText(by('.', 1), text), null)
  const length = { lookup: { length: 3 }, hashes: 'rest' } as const
  assert.deepEqual(readForeignText(length, 'abcd'), { lookup: 'abc', hashed: 'd' })
  assert.equal(readForeignText(length, 'abc'), null)
  assert.deepEqual(readForeignText({ lookup: null, hashes: 'text' }, 'abc'), { lookup: null, hashed: 'abc' })
  assert.equal(readForeignText({ lookup: null, hashes: 'text' }, ''), null)
})

test('what a rule makes of a text is a look-up part by that rule, and leads back to it', () => {
  const rule = fc.oneof(
    fc.record({ separator: fc.constantFrom('.', '_', '--'), occurrence: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ length: fc.integer({ min: 1, max: 5 }) }),
  )
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '_', '-'), maxLength: 12 })
  fc.assert(
    fc.property(rule, text, (lookup, each) => {
      const read = readForeignText({ lookup, hashes: 'rest' }, each)
      if (read === null) return
      assert.ok(read.lookup !== null && isLookupOf(lookup, read.lookup))
      const between = 'separator' in lookup ? lookup.separator : ''
      assert.equal(`${read.lookup}${between}${read.hashed}`, each)
    }),
    { numRuns: 2_000 },
  )
})

test('a hash is read as hex, base64 and base64url, with and without padding, and as nothing else', () => {
  for (const [algorithm, name] of [
    ['sha256', 'sha256'],
    ['sha512', 'sha512'],
  ] as const) {
    const bytes = createHash(name).update('text').digest()
    const [url, standard] = [bytes.toString('base64url'), bytes.toString('base64')]
    const hex = bytes.toString('hex')
    for (const text of [url, standard, standard.replace(/=+$/, ''), hex, hex.toUpperCase()])
      assert.equal(readFastHash(algorithm, text), url)
    for (const text of [
      '',
      hex.slice(2),
      `${hex}00`,
      `${url}A`,
      url.slice(1),
      hex.replace(/.$/, 'g'),
      `${url} `,
    ])
      assert.equal(readFastHash(algorithm, text), null, text)
    assert.equal(fastHash(algorithm, null, 'text'), url)
  }
  const key = createSecretKey(Buffer.from('key'))
  assert.equal(
    fastHash('hmac-sha256', key, 'text'),
    createHmac('sha256', 'key').update('text').digest('base64url'),
  )
  assert.throws(() => fastHash('hmac-sha256', null, 'text'))
  fc.assert(
    fc.property(fc.string(), (text) => assert.ok((readFastHash('sha256', text)?.length ?? 43) === 43)),
  )
})
