import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deprecationHeaders } from './deprecation.ts'
import { OPERATIONS, SELF_OPERATIONS } from './operations.ts'

test('an operation that should not be used any more says since when, until when, and what to use', () => {
  const since = Date.UTC(2026, 10, 1, 12)
  assert.deepEqual(deprecationHeaders({ since, sunset: Date.UTC(2027, 4, 1), instead: 'keys.create' }), {
    deprecation: '@1793534400',
    sunset: 'Sat, 01 May 2027 00:00:00 GMT',
    link: '</docs#keys.create>; rel="successor-version"',
  })
  assert.equal(deprecationHeaders({ since, sunset: null, instead: 'keys.create' })['sunset'], undefined)
  assert.deepEqual(deprecationHeaders(undefined), {})
})

test('what is to be used instead exists', () => {
  const all = [...OPERATIONS, ...SELF_OPERATIONS]
  const ids = all.map(({ id }) => id)
  for (const { id, deprecated } of all)
    if (deprecated !== undefined) assert.ok(ids.includes(deprecated.instead), id)
})
