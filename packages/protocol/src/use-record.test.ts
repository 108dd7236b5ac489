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
      repeats: fc.constant(0),
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
      repeats: fc.constant(0),
    },
    { noNullPrototype: true },
  ),
)

/** Uses that meet each other. */
const OFTEN: readonly Use[] = [true, false].flatMap((asCaller) =>
  [1, 2].map((versionNumber) => ({
    ...{
      at: 7,
      keyId: `key_0${'3'.repeat(25)}`,
      versionNumber,
      code: 'VALID' as const,
      asCaller,
      repeats: 0,
    },
  })),
)

/** The uses that a record stands for. */
function unfolded(record: Use | null): Use[] {
  assert.ok(record)
  return Array.from({ length: 1 + record.repeats }, () => ({ ...record, repeats: 0 }))
}

function byText(one: Use, other: Use): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1
}

test('every use comes back as it was written, whatever was in the memory before', () => {
  const writer = new UseWriter(8)
  fc.assert(
    fc.property(fc.array(fc.oneof(use, fc.constantFrom(...OFTEN)), { maxLength: 8 }), (uses) => {
      writer.clear()
      for (const each of uses)
        assert.ok(writer.add(each.at, each.keyId, each.versionNumber, each.code, each.asCaller))
      const read = Array.from({ length: writer.count }, (_, i) => readUse(writer.bytes, i))
      assert.deepEqual(read.flatMap(unfolded).toSorted(byText), uses.toSorted(byText))
      assert.deepEqual(
        read.filter((each) => each?.asCaller === false),
        uses.filter(({ asCaller }) => !asCaller),
      )
      assert.equal(readUse(writer.bytes, writer.count), null)
    }),
  )
})

test('what a caller does again in the same millisecond is one record, and only that', () => {
  const writer = new UseWriter(10)
  const [one, other] = [`key_0${'1'.repeat(25)}`, `key_0${'2'.repeat(25)}`]
  const add = (keyId: string, at = 1, asCaller = true, version = 1) =>
    writer.add(at, keyId, version, 'VALID', asCaller)
  for (let i = 0; i < 3; i++) {
    add(one)
    add(other, 1, false)
  }
  for (const [keyId, at, version] of [
    [one, 2, 1],
    [one, 2, 2],
    [other, 2, 2],
    [one, 2, 2],
    [one, 2, 2],
  ] as const)
    add(keyId, at, true, version)
  const records = Array.from({ length: writer.count }, (_, i) => readUse(writer.bytes, i))
  assert.deepEqual(
    records.map((record) => [record?.keyId === one, record?.at, record?.versionNumber, record?.repeats]),
    [
      [true, 1, 1, 2],
      ...Array.from({ length: 3 }, () => [false, 1, 1, 0]),
      [true, 2, 1, 0],
      [true, 2, 2, 0],
      [false, 2, 2, 0],
      [true, 2, 2, 1],
    ],
  )
  writer.clear()
  add(one, 2, true, 2)
  assert.deepEqual([writer.count, readUse(writer.bytes, 0)?.repeats], [1, 0])
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
