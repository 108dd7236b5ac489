import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { countsOf, testFiles } from './test.ts'

const root = resolve(import.meta.dirname, '..')

test('test files are found in every part of the tree, and a filter narrows them', () => {
  const all = testFiles(root, [])
  for (const file of ['architecture.test.ts', 'tools/test.test.ts']) assert.ok(all.includes(file))
  assert.ok(all.every((file) => !file.includes('node_modules')))
  assert.deepEqual(testFiles(root, ['tools/test.test.ts']), ['tools/test.test.ts'])
  assert.ok(testFiles(root, ['tools']).every((file) => file.startsWith('tools/')))
})

test('the counts are those of the summary, with cancelled tests as failures', () => {
  const tap = 'ok 1 - # pass 7\n# tests 9\n# pass 4\n# fail 1\n# cancelled 2\n# skipped 1\n# todo 1\n'
  assert.deepEqual(countsOf(tap), { passed: 4, failed: 3, skipped: 2 })
})

test('a run that ended without a summary counts as a failure', () => {
  assert.deepEqual(countsOf('TAP version 13\n'), { passed: 0, failed: 1, skipped: 0 })
})
