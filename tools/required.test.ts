import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireOrSkip } from './required.ts'

function under<T>(ci: string | undefined, fn: () => T): T {
  const before = process.env['CI']
  if (ci === undefined) delete process.env['CI']
  else process.env['CI'] = ci
  try {
    return fn()
  } finally {
    if (before === undefined) delete process.env['CI']
    else process.env['CI'] = before
  }
}

test('a missing service is a visible skip on a developer machine', () => {
  const reasons: unknown[] = []
  const t = { skip: (reason?: string) => reasons.push(reason) }
  assert.equal(
    under(undefined, () => requireOrSkip(t, false, 'a service')),
    false,
  )
  assert.deepEqual(reasons, ['missing: a service'])
})

test('a missing service is an error under CI=true', () => {
  const t = { skip: () => assert.fail('skipped') }
  assert.throws(() => under('true', () => requireOrSkip(t, false, 'a service')), /missing: a service/)
})

test('a service that is there is neither skipped nor refused', () => {
  const t = { skip: () => assert.fail('skipped') }
  assert.equal(
    under('true', () => requireOrSkip(t, true, 'a service')),
    true,
  )
})
