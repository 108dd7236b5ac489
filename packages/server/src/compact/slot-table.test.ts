import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hashOfWords } from './packed-text.ts'
import { SlotTable } from './slot-table.ts'

/** Slots that hold numbers of their own, with a hash that can be made bad. */
class Numbers {
  readonly table = new SlotTable()
  readonly numbers: number[] = []
  readonly #hash: (value: number) => number
  #wanted = -1

  constructor(hash: (value: number) => number) {
    this.#hash = hash
  }

  holds(slot: number): boolean {
    return this.numbers[slot] === this.#wanted
  }

  find(value: number): number {
    this.#wanted = value
    return this.table.find(this.#hash(value), this)
  }

  add(value: number): void {
    this.table.add(this.#hash(value), this.numbers.push(value) - 1)
  }
}

const mixed = (value: number): number => hashOfWords(Uint32Array.of(value), 0, 1)

test('each of 200,000 entries is found at its slot, and what is not there at none', () => {
  const numbers = new Numbers(mixed)
  for (let i = 0; i < 200_000; i++) numbers.add(i)
  for (let i = 0; i < 200_000; i++) assert.equal(numbers.find(i), i)
  for (let i = 200_000; i < 300_000; i++) assert.equal(numbers.find(i), -1)
})

test('entries whose hashes are equal, or differ in a few bits only, are told apart', () => {
  const hashes = fc.constantFrom(
    () => 5,
    (value: number) => value % 3,
    (value: number) => (value << 28) >>> 0,
    (value: number) => value,
  )
  fc.assert(
    fc.property(hashes, fc.uniqueArray(fc.nat(1_000_000), { maxLength: 300 }), (hash, values) => {
      const numbers = new Numbers(hash)
      for (const value of values) numbers.add(value)
      for (const [slot, value] of values.entries()) assert.equal(numbers.find(value), slot)
      assert.equal(numbers.find(1_000_001), -1)
    }),
  )
})

test('hashes that differ only in their lowest bits end with an error, not in an endless search', () => {
  const numbers = new Numbers((value) => value & 1)
  assert.throws(() => {
    for (let i = 0; i < 5_000; i++) numbers.add(i)
  }, /too many equal hashes/)
})
