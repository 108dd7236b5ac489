import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sortedInTurns } from './sorted-in-turns.ts'

test('it sorts as toSorted does, and leaves equal ones in their order', async () => {
  const item = fc.record({ by: fc.integer({ min: 0, max: 500 }), name: fc.nat() })
  const compare = (one: { by: number }, other: { by: number }): number => one.by - other.by
  await fc.assert(
    fc.asyncProperty(fc.array(item, { maxLength: 6_000, size: 'max' }), async (items) => {
      assert.deepEqual(await sortedInTurns(items, compare), items.toSorted(compare))
    }),
    { numRuns: 30 },
  )
})
