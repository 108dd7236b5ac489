import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerMarket } from './market-endpoints.ts'
import type { Market } from './market.ts'
import { at } from './json.ts'

const trade = { side: 'buy', type: 'limit', price: '1.0', volume: '2.0' } as const
const market: Market = {
  folder: '/recorded',
  symbol: 'XBT/USDT',
  candles: undefined,
  trades: Array.from({ length: 300 }, (_, time) => ({ time, ...trade })),
}

function get(path: string) {
  return answerMarket(market, new URL(path, 'http://provider.invalid/v1/market/'))
}

test('limit counts the newest rows and is 100 without being asked', () => {
  assert.deepEqual(at(get('trades?limit=2').body, 'trades'), [
    { time: 298, ...trade },
    { time: 299, ...trade },
  ])
  const rows = at(get('trades').body, 'trades')
  assert.equal(Array.isArray(rows) && rows.length, 100)
})

test('a limit that is no number from 1 to 1,000 is refused', () => {
  for (const limit of ['0', '1001', '-1', '1.5', '1e2', '', 'all', '99999999999999999999']) {
    assert.equal(get(`trades?limit=${limit}`).status, 400, limit)
  }
  assert.equal(get('trades?limit=1000').status, 200)
})

test('without recorded figures the answer is 503 and names the folder', () => {
  const answer = get('candles?limit=1')
  assert.equal(answer.status, 503)
  assert.match(String(at(answer.body, 'error')), /\/recorded/)
})

test('instruments say which figures there are, and other names do not exist', () => {
  assert.deepEqual(get('instruments').body, {
    instruments: [{ symbol: 'XBT/USDT', candles: false, trades: true }],
  })
  for (const name of ['', 'folder', 'symbol', 'constructor', 'trades/1'])
    assert.equal(get(name).status, 404, name)
})
