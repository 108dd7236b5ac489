import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planExport } from './export-plan.ts'

test('an export of no events has no tiles', () => {
  assert.deepEqual(planExport(0), [])
})

test('an export has the tiles of hashes of every level and a bundle of entries for each of level 0', () => {
  assert.deepEqual(planExport(257), [
    { path: 'tile/0/000', full: true },
    { path: 'tile/entries/000', full: true },
    { path: 'tile/0/001.p/1', full: false },
    { path: 'tile/entries/001.p/1', full: false },
    { path: 'tile/1/000.p/1', full: false },
  ])
})
