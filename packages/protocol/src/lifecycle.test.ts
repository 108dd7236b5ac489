import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  isKeyState,
  isLegalTransition,
  isRevocationReason,
  KEY_STATES,
  REVOCATION_REASONS,
  TARGET_TYPES,
} from './lifecycle.ts'

const ROWS = [null, ...KEY_STATES] as const

// One row per state before, one column per state after, in the order of KEY_STATES.
test('a key moves exactly along NIST SP 800-57 part 1 section 7', () => {
  const expected = ['##....', '######', '.####.', '.#####', '...###', '....##', '......']
  for (const type of ['api_key', 'root_key'] as const) assert.deepEqual(matrix(type), expected)
})

test('everything that is not a key is created active and can only be deactivated', () => {
  const expected = ['.#....', '......', '.#.#..', '......', '......', '......', '......']
  for (const type of TARGET_TYPES.filter((name) => !name.endsWith('_key')))
    assert.deepEqual(matrix(type), expected)
})

test('a revoked key is never usable again', () => {
  for (const state of Object.values(REVOCATION_REASONS)) {
    assert.equal(isLegalTransition('api_key', 'active', state), true)
    for (const usable of ['pre-active', 'active', 'suspended'] as const) {
      assert.equal(isLegalTransition('api_key', state, usable), false)
    }
  }
  assert.equal(REVOCATION_REASONS.keyCompromise, 'compromised')
})

test('only the listed names are states and reasons', () => {
  assert.equal(isKeyState('active'), true)
  assert.equal(isRevocationReason('superseded'), true)
  for (const name of ['toString', '__proto__', '', null, 1]) {
    assert.equal(isKeyState(name), false)
    assert.equal(isRevocationReason(name), false)
  }
})

function matrix(type: (typeof TARGET_TYPES)[number]): string[] {
  return ROWS.map((from) => KEY_STATES.map((to) => (isLegalTransition(type, from, to) ? '#' : '.')).join(''))
}
