import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A one-minute candle. Prices in USDT and volume in XBT as decimal text, as recorded; time in epoch ms. */
export type Candle = {
  readonly openTime: number
  readonly open: string
  readonly high: string
  readonly low: string
  readonly close: string
  readonly vwap: string
  readonly volume: string
  readonly trades: number
}

/** A trade. Price in USDT and volume in XBT as decimal text, as recorded; time in epoch ms. */
export type Trade = {
  readonly time: number
  readonly side: 'buy' | 'sell'
  readonly type: 'limit' | 'market'
  readonly price: string
  readonly volume: string
}

/** Recorded figures of one instrument, oldest first; undefined where the folder has no such file. */
export type Market = {
  readonly folder: string
  readonly symbol: 'XBT/USDT'
  readonly candles: readonly Candle[] | undefined
  readonly trades: readonly Trade[] | undefined
}

const CANDLES_FILE = 'xbtusdt-1m.csv'
const CANDLES_HEADER = 'open_time_unix_s,open,high,low,close,vwap,volume,trades'
const TRADES_FILE = 'xbtusdt-trades.csv'
const TRADES_HEADER = 'price,volume,time_unix_s,side,type'
/** Figures of a whole week of minutes; a longer file is not what this example was written for. */
const ROWS_MAX = 10_080

/** Reads the recorded figures in `folder`. A missing file is no error; a file that does not parse is, with its line. */
export async function readMarket(folder: string): Promise<Market> {
  const [candles, trades] = await Promise.all([
    readOptional(join(folder, CANDLES_FILE)),
    readOptional(join(folder, TRADES_FILE)),
  ])
  return {
    folder,
    symbol: 'XBT/USDT',
    candles: candles === undefined ? undefined : parseCandles(candles),
    trades: trades === undefined ? undefined : parseTrades(trades),
  }
}

/** Parses the text of a candle file. Throws an error that names the line. */
export function parseCandles(text: string): readonly Candle[] {
  return rows(text, CANDLES_FILE, CANDLES_HEADER).map(({ cells, where }) => ({
    openTime: milliseconds(cells[0], where),
    open: decimal(cells[1], where),
    high: decimal(cells[2], where),
    low: decimal(cells[3], where),
    close: decimal(cells[4], where),
    vwap: decimal(cells[5], where),
    volume: decimal(cells[6], where),
    trades: Number(decimal(cells[7], where)),
  }))
}

/** Parses the text of a trade file. Throws an error that names the line. */
export function parseTrades(text: string): readonly Trade[] {
  return rows(text, TRADES_FILE, TRADES_HEADER).map(({ cells, where }) => ({
    time: milliseconds(cells[2], where),
    side: choose(cells[3], { b: 'buy', s: 'sell' }, where),
    type: choose(cells[4], { l: 'limit', m: 'market' }, where),
    price: decimal(cells[0], where),
    volume: decimal(cells[1], where),
  }))
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function rows(
  text: string,
  file: string,
  header: string,
): readonly { cells: readonly string[]; where: string }[] {
  const lines = text.split('\n').map((line) => line.trimEnd())
  if (lines.at(-1) === '') lines.pop()
  if (lines[0] !== header) throw new Error(`${file}, line 1: expected the columns ${header}`)
  if (lines.length - 1 > ROWS_MAX) throw new Error(`${file}: more than ${ROWS_MAX} rows`)
  const columns = header.split(',').length
  return lines.slice(1).map((line, index) => {
    const where = `${file}, line ${index + 2}`
    const cells = line.split(',')
    if (cells.length !== columns)
      throw new Error(`${where}: expected ${columns} cells, found ${cells.length}`)
    return { cells, where }
  })
}

function decimal(cell: string | undefined, where: string): string {
  if (cell === undefined || !/^\d{1,15}(\.\d{1,12})?$/.test(cell))
    throw new Error(`${where}: not a number: ${cell}`)
  return cell
}

function milliseconds(cell: string | undefined, where: string): number {
  return Math.round(Number(decimal(cell, where)) * 1000)
}

function choose<T>(cell: string | undefined, choices: Readonly<Record<string, T>>, where: string): T {
  const chosen = cell !== undefined && Object.hasOwn(choices, cell) ? choices[cell] : undefined
  if (chosen === undefined)
    throw new Error(`${where}: not one of ${Object.keys(choices).join(', ')}: ${cell}`)
  return chosen
}
