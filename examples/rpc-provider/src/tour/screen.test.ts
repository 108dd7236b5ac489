import assert from 'node:assert/strict'
import { stripVTControlCharacters } from 'node:util'
import { test } from 'node:test'
import { COLUMNS_MAX, createPaint, createScreen, formatMs } from './screen.ts'

test('colours appear only on a terminal that wants them', () => {
  assert.notEqual(createPaint(true, {}).bad('no'), 'no')
  for (const paint of [
    createPaint(false, {}),
    createPaint(true, { NO_COLOR: '1' }),
    createPaint(true, { TERM: 'dumb' }),
  ]) {
    assert.equal(paint.bad('no'), 'no')
  }
})

test('times end in the last column, with colours or without', () => {
  for (const paint of [createPaint(true, {}), createPaint(false, {})]) {
    const lines: string[] = []
    const screen = createScreen((line) => lines.push(stripVTControlCharacters(line)), paint)
    screen.station('read')
    screen.line(paint.good('first'), 1.5)
    screen.line('second', 12_345)
    assert.deepEqual(lines, [
      ` 1  read     first${'1.50 ms'.padStart(COLUMNS_MAX - 18)}`,
      `             second${'12,345 ms'.padStart(COLUMNS_MAX - 19)}`,
    ])
  }
})

test('times keep three meaningful digits', () => {
  assert.deepEqual([0.0123, 1.234, 12.34, 123.4, 1234.5].map(formatMs), [
    '0.012 ms',
    '1.23 ms',
    '12.3 ms',
    '123 ms',
    '1,235 ms',
  ])
})
