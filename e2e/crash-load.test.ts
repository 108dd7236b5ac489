import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHANGES } from './crash-changes.ts'
import { mutatingOperations } from './openapi.ts'

test('the crash test changes something by every mutating operation of the OpenAPI document', () => {
  assert.deepEqual(
    Object.keys(CHANGES).toSorted(),
    [...mutatingOperations().keys()].toSorted(),
    'e2e/crash-changes.ts has others than the document',
  )
})
