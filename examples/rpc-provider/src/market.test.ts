import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { requireOrSkip } from '../../../tools/required.ts'
import { parseCandles, parseTrades, readMarket } from './market.ts'

const folder =
  process.env['KEYSTEAD_MARKET_DATA'] ??
  join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'data', 'market')
const candlesHeader = 'open_time_unix_s,open,high,low,close,vwap,volume,trades'
const tradesHeader = 'price,volume,time_unix_s,side,type'

test('the recorded figures are read whole, oldest first', async (t) => {
  if (!requireOrSkip(t, existsSync(folder), `recorded market data in ${folder}`)) return
  const market = await readMarket(folder)
  const candles = market.candles ?? []
  assert.equal(candles.length, 721)
  assert.equal(new Date(candles[0]?.openTime ?? 0).toISOString(), '2025-11-10T12:17:00.000Z')
  assert.equal(new Date(candles.at(-1)?.openTime ?? 0).toISOString(), '2025-11-11T00:17:00.000Z')
  for (const [index, candle] of candles.entries()) {
    assert.equal(candle.openTime, (candles[0]?.openTime ?? 0) + index * 60_000)
    assert.ok(Number(candle.low) <= Number(candle.close) && Number(candle.close) <= Number(candle.high))
  }
  assert.equal(market.trades?.length, 1_000)
})

test('a folder without recorded figures is no error', async () => {
  const market = await readMarket(join(import.meta.dirname, 'no-such-folder'))
  assert.equal(market.candles, undefined)
  assert.equal(market.trades, undefined)
})

test('figures keep their digits, times become milliseconds', () => {
  assert.deepEqual(parseTrades(`${tradesHeader}\n105433.60000,0.00027625,1762795433.9717445,b,l\n`), [
    { time: 1762795433972, side: 'buy', type: 'limit', price: '105433.60000', volume: '0.00027625' },
  ])
  const [candle] = parseCandles(
    `${candlesHeader}\r\n1762777140,106038.3,106038.3,106038.2,106038.3,0.0,0.00032101,1\r\n`,
  )
  assert.equal(candle?.openTime, 1762777140000)
  assert.equal(candle.volume, '0.00032101')
  assert.equal(candle.trades, 1)
})

test('a file that does not parse is refused with the line at fault', () => {
  assert.throws(() => parseTrades('time,price\n1,2\n'), /trades\.csv, line 1/)
  assert.throws(() => parseTrades(''), /line 1/)
  assert.throws(() => parseTrades(`${tradesHeader}\n1,2,3,b,l\n1,2,3,b\n`), /line 3: expected 5 cells/)
  assert.throws(() => parseTrades(`${tradesHeader}\n1,2,3,toString,l\n`), /line 2: not one of b, s/)
  for (const cell of ['', 'NaN', '-1', '1e9', '0x10', '1,5']) {
    assert.throws(() => parseCandles(`${candlesHeader}\n1,${cell},1,1,1,1,1,1\n`), /line 2/, cell)
  }
})
