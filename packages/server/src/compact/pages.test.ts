import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecordPages } from './pages.ts'

const WORDS = 3

function write(pages: RecordPages, slot: number, value: number): void {
  pages.writablePageOf(slot).words.fill(value, (pages.byteOf(slot) / 4) | 0, pages.byteOf(slot) / 4 + WORDS)
}

function read(pages: RecordPages, slot: number): number[] {
  const from = pages.byteOf(slot) / 4
  return [...pages.pageOf(slot).words.subarray(from, from + WORDS)]
}

test('records keep what was written to them, over many pages', () => {
  const pages = new RecordPages(4 * WORDS)
  for (let i = 0; i < 10_000; i++) write(pages, pages.add(), i)
  for (let i = 0; i < 10_000; i++) assert.deepEqual(read(pages, i), [i, i, i])
})

test('a capture does not change with what is written and added while it is open, and restores to what it was', () => {
  const numbers = fc.array(fc.nat(9_000), { maxLength: 40 })
  fc.assert(
    fc.property(fc.nat(9_000), numbers, numbers, (count, before, after) => {
      const pages = new RecordPages(4 * WORDS)
      for (let i = 0; i < count; i++) write(pages, pages.add(), i)
      for (const slot of before) if (slot < count) write(pages, slot, slot + 1_000_000)
      const expected = Array.from({ length: count }, (_, slot) => read(pages, slot)[0])
      const { chunks, count: captured, release } = pages.capture()
      for (const slot of after) if (slot < count) write(pages, slot, 7)
      for (let i = 0; i < 5_000; i++) write(pages, pages.add(), 9)
      const restored = RecordPages.restore(
        4 * WORDS,
        captured,
        chunks.map((chunk) => Uint8Array.from(chunk)),
      )
      assert.deepEqual(
        Array.from({ length: captured }, (_, slot) => read(restored, slot)[0]),
        expected,
      )
      release()
      for (const slot of after) if (slot < count) assert.deepEqual(read(pages, slot), [7, 7, 7])
      write(restored, restored.add(), 5)
      assert.deepEqual(read(restored, count), [5, 5, 5])
    }),
    { numRuns: 60 },
  )
})

test('while no capture is open, pages are written to in place', () => {
  const pages = new RecordPages(4 * WORDS)
  const slot = pages.add()
  pages.capture().release()
  assert.equal(pages.writablePageOf(slot), pages.pageOf(slot))
})

test('a second capture at the same time is refused', () => {
  const pages = new RecordPages(4)
  pages.capture()
  assert.throws(() => pages.capture(), /capture is open/)
})
