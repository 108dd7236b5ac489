import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pooledRandom } from './random.ts'

test('no byte of the pool is given out twice, whatever the lengths', () => {
  const random = pooledRandom()
  const seen = new Set<string>()
  for (let i = 0; i < 2_000; i++) seen.add(Buffer.from(random(16)).toString('hex'))
  for (const length of [1, 4_095, 4_096, 4_097, 10_000]) assert.equal(random(length).length, length)
  assert.equal(seen.size, 2_000)
})

test('what was given out does not change when more is drawn', () => {
  const random = pooledRandom()
  const first = random(32)
  const copy = Buffer.from(first)
  for (let i = 0; i < 500; i++) random(32)
  assert.deepEqual(Buffer.from(first), copy)
  assert.notDeepEqual(copy, Buffer.alloc(32))
})
