import type { Market } from './market.ts'

export const MARKET_PREFIX = '/v1/market/'

const LIMIT_DEFAULT = 100
/** Exchanges answer 500 to 1,000 rows at most; a thousand candles are about 150 kB. */
const LIMIT_MAX = 1_000

/**
 * Answers `instruments`, `candles?limit=` and `trades?limit=` below /v1/market/ from the recorded figures, newest rows
 * last. The caller's permission must already have been verified. 503 says in which folder figures were looked for.
 */
export function answerMarket(market: Market, url: URL): { status: number; body: unknown } {
  const symbol = market.symbol
  const available = { candles: market.candles !== undefined, trades: market.trades !== undefined }
  const endpoint = url.pathname.slice(MARKET_PREFIX.length)
  if (endpoint === 'instruments') return { status: 200, body: { instruments: [{ symbol, ...available }] } }
  if (endpoint !== 'candles' && endpoint !== 'trades') return { status: 404, body: { error: 'not found' } }
  const limit = readLimit(url)
  if (limit === undefined)
    return { status: 400, body: { error: `limit must be a number from 1 to ${LIMIT_MAX}` } }
  const rows = market[endpoint]
  if (rows === undefined) {
    return {
      status: 503,
      body: { error: `no recorded ${endpoint} in the folder ${market.folder}`, code: 'NO_DATA' },
    }
  }
  return { status: 200, body: { symbol, [endpoint]: rows.slice(-limit) } }
}

function readLimit(url: URL): number | undefined {
  const text = url.searchParams.get('limit')
  if (text === null) return LIMIT_DEFAULT
  if (!/^\d{1,4}$/.test(text)) return undefined
  const limit = Number(text)
  return limit >= 1 && limit <= LIMIT_MAX ? limit : undefined
}
