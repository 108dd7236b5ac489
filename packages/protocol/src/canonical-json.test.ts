import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { requireOrSkip } from '../../../tools/required.ts'
import { utf8Encode } from './bytes.ts'
import { canonicalJson, JSON_DEPTH_MAX, type JsonValue, parseCanonicalJson } from './canonical-json.ts'
import { HAS_VECTORS, readVector } from './node-crypto.test-support.ts'

test('the RFC 8785 vectors come out byte for byte', (t) => {
  if (!requireOrSkip(t, HAS_VECTORS, 'third-party vectors (KEYSTEAD_VECTORS)')) return
  for (const name of ['arrays', 'french', 'structures', 'unicode', 'values', 'weird']) {
    const expected = Buffer.from(readVector(`jcs/outhex/${name}.txt`).replaceAll(/\s/g, ''), 'hex')
    const value = JSON.parse(readVector(`jcs/input/${name}.json`)) as JsonValue
    assert.deepEqual(Buffer.from(utf8Encode(canonicalJson(value))), expected, name)
  }
})

test('numbers are written as RFC 8785 appendix B says', () => {
  // IEEE 754 bits and text, from the appendix.
  const cases: readonly (readonly [string, string])[] = [
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ]
  for (const [bits, text] of cases) assert.equal(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE()), text)
})

test('what JSON cannot say exactly is refused', () => {
  const deep = (depth: number): JsonValue => (depth === 0 ? [] : [deep(depth - 1)])
  const holes: unknown[] = []
  holes[2] = 1
  const refused: unknown[] = [
    '\ud800',
    { '\udfff': 1 },
    Number.NaN,
    Number.POSITIVE_INFINITY,
    undefined,
    { a: undefined },
    [undefined],
    holes,
    1n,
    Symbol('a'),
    { [Symbol('a')]: 1 },
    () => 1,
    new Map(),
    new Date(0),
    Buffer.of(1),
    new Uint8Array(1),
    new (class Key {})(),
    Object.create({ inherited: 1 }),
    deep(JSON_DEPTH_MAX),
  ]
  for (const value of refused) assert.throws(() => canonicalJson(value as JsonValue), TypeError)
  assert.equal(
    canonicalJson(deep(JSON_DEPTH_MAX - 1)),
    '['.repeat(JSON_DEPTH_MAX) + ']'.repeat(JSON_DEPTH_MAX),
  )
  const bare = Object.setPrototypeOf({ b: 1, a: 2 }, null) as JsonValue
  assert.equal(canonicalJson(bare), '{"a":2,"b":1}')
})

test('canonical text is its own canonical form and keeps the value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
      const text = canonicalJson(value as JsonValue)
      assert.equal(canonicalJson(parseCanonicalJson(text)), text)
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('text that is not canonical is refused, whatever it is', () => {
  const refused = [
    '{"a":1,"a":2}',
    '{"b":1,"a":2}',
    '{ "a":1}',
    '1.0',
    '1e2',
    '-0',
    '"\\u0041"',
    '[1,]',
    '',
    '{"a":1}\n',
  ]
  for (const text of refused) assert.throws(() => parseCanonicalJson(text), TypeError, text)
  assert.deepEqual(parseCanonicalJson('{"__proto__":{"a":1}}'), JSON.parse('{"__proto__":{"a":1}}'))
  assert.throws(() => parseCanonicalJson('['.repeat(10_000) + ']'.repeat(10_000)), TypeError)
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"',
    ':',
    ',',
    '-',
    '.',
    '0',
    '1',
    'e',
    'null',
    ' ',
    '\\',
    '\ud800',
    'é',
  )
  fc.assert(
    fc.property(fc.string({ unit: pieces, maxLength: 20 }), (text) => {
      try {
        assert.equal(canonicalJson(parseCanonicalJson(text)), text)
      } catch (error) {
        assert.ok(error instanceof TypeError)
      }
    }),
  )
})
