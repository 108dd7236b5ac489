import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { equalInConstantTime } from './constant-time.ts'

test('two texts are equal exactly when every character is', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      assert.equal(equalInConstantTime(one, other), one === other)
      assert.equal(equalInConstantTime(one, one), true)
    }),
  )
})

test('a text is not equal to its beginnings, its continuations, or a text of NULs', () => {
  const text = 'Az09'.repeat(10)
  for (let length = 0; length < text.length; length++) {
    assert.equal(equalInConstantTime(text, text.slice(0, length)), false)
    assert.equal(equalInConstantTime(text.slice(0, length), text), false)
    assert.equal(equalInConstantTime(text, '\0'.repeat(length)), false)
  }
  assert.equal(equalInConstantTime('', '\0'), false)
  assert.equal(equalInConstantTime('', ''), true)
})

test('one changed character anywhere is a difference', () => {
  const text = 'k'.repeat(43)
  for (let at = 0; at < text.length; at++)
    assert.equal(equalInConstantTime(text, `${text.slice(0, at)}K${text.slice(at + 1)}`), false)
})
