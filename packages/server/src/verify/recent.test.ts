import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Recent } from './recent.ts'

const SIZE = 4

test('it holds the values that were added or found last, and no value that was replaced or deleted', () => {
  const step = fc.record({
    what: fc.constantFrom('add', 'find', 'delete', 'clear'),
    name: fc.constantFrom(...'abcdefghijkl'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const recent = new Recent<string, string>(SIZE)
      /** Everything that it may hold, what was touched last at the end. */
      const values = new Map<string, string>()
      for (const [i, { what, name }] of steps.entries()) {
        const mustHold = [...values.keys()].slice(-SIZE).includes(name)
        const found = what === 'find' ? recent.get(name) : undefined
        if (what === 'find' && (mustHold || found !== undefined)) assert.equal(found, values.get(name))
        if (what === 'clear') values.clear()
        if (what !== 'find' || found === undefined) values.delete(name)
        if (what === 'add') recent.add(name, `${name} at ${i}`)
        if (what === 'delete') recent.delete(name)
        if (what === 'clear') recent.clear()
        const value = what === 'add' ? `${name} at ${i}` : found
        if (value === undefined) continue
        values.delete(name)
        values.set(name, value)
      }
    }),
  )
})

test('what has not been used for two generations is let go', () => {
  const recent = new Recent<number, number>(SIZE)
  for (let number = 0; number <= 2 * SIZE; number++) recent.add(number, number)
  assert.equal(recent.get(0), undefined)
  assert.equal(recent.get(SIZE), SIZE)
})
