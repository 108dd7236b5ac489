import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at, numberAt, parseJson, stringAt } from './json.ts'

test('text that is not JSON or not UTF-8 is undefined, never an exception', () => {
  for (const bytes of [[], [0x7b], [0x22, 0xff, 0x22], [0xc3], [0x22, 0x00, 0x22]]) {
    assert.equal(parseJson(Uint8Array.from(bytes)), undefined)
  }
  assert.deepEqual(parseJson(Buffer.from('{"a":[1]}')), { a: [1] })
})

test('a path that leaves the object finds nothing, also not what objects inherit', () => {
  const value = { a: { b: 'c' }, list: ['x'] }
  assert.equal(at(value, 'a', 'b'), 'c')
  for (const path of [['a', 'x'], ['a', 'b', 'length'], ['list', '0'], ['toString'], ['__proto__']]) {
    assert.equal(at(value, ...path), undefined)
  }
})

test('a member of another type is an error that names the path', () => {
  assert.throws(() => stringAt({ a: { b: 1 } }, 'a', 'b'), /a\.b/)
  assert.throws(() => numberAt({ a: '1' }, 'a'), /number at a/)
})
