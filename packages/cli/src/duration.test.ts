import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration, parseTime } from './duration.ts'
import { formatLocalMinutes, formatRelative, formatTime } from './time.ts'

test('durations are whole numbers of s, m, h, d or w', () => {
  assert.deepEqual(
    ['45s', '15m', '24h', '90d', '2w'].map((text) => parseDuration('overlap', text)),
    [45, 900, 86_400, 7_776_000, 1_209_600],
  )
})

test('a duration without unit, of nothing, fractional, negative or beyond 100 years is refused', () => {
  for (const text of ['', '90', '0d', '1.5h', '-1d', '1y', '1d2h', ' 1d', '99999999w', '99999999999s']) {
    assert.throws(() => parseDuration('expires-in', text), /--expires-in must be a duration/, text)
  }
})

test('times are RFC 3339 with an offset', () => {
  assert.equal(parseTime('not-before', '2026-12-31T00:00:00Z'), Date.UTC(2026, 11, 31))
  assert.equal(parseTime('not-before', '2026-12-31T02:00:00.5+02:00'), Date.UTC(2026, 11, 31, 0, 0, 0, 500))
})

test('a time without offset, a day that does not exist and other forms are refused', () => {
  for (const text of [
    '2026-12-31',
    '2026-12-31T00:00:00',
    '2026-02-30T00:00:00Z',
    '2026-12-31T24:61:00Z',
    'tomorrow',
    '1766',
  ]) {
    assert.throws(() => parseTime('not-before', text), /RFC 3339/, text)
  }
})

test('distances from now are one unit, rounded down', () => {
  assert.deepEqual(
    [3 * 86_400_000 + 5, -2 * 3_600_000, 61_000, -5000, 10, 400 * 86_400_000].map(formatRelative),
    ['in 3 d', '2 h ago', 'in 1 min', '5 s ago', 'now', 'in 1 y'],
  )
})

test('what is no time is shown as a dash', () => {
  assert.deepEqual(
    [null, undefined, 'x', Number.NaN, 1e300].map((at) => formatTime(at, 0)),
    ['-', '-', '-', '-', '-'],
  )
  assert.match(formatLocalMinutes(0), /^19(69|70)-\d\d-\d\d \d\d:\d\d$/)
})
