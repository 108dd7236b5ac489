import { stripVTControlCharacters, styleText } from 'node:util'

/** Prints the stations of the tour: number, name, what happened, measured time. */
export type Screen = {
  /** A line without a number: title and totals. */
  readonly plain: (text: string) => void
  /** Starts the next station. Its first line carries number and name. */
  readonly station: (name: string) => void
  /** One thing that happened, and how long it took, in ms. */
  readonly line: (text: string, elapsedMs?: number) => void
}

export const COLUMNS_MAX = 100
const NAME_COLUMNS = 9
const TIME_COLUMNS = 11
const TEXT_COLUMNS = COLUMNS_MAX - 4 - NAME_COLUMNS - TIME_COLUMNS

/** Text that must not be taken for another colour's: marks for what was accepted and what was refused. */
export type Paint = {
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
  readonly dim: (text: string) => string
}

/** Colours for a terminal that wants them; otherwise text stays as it is (NO_COLOR, https://no-color.org). */
export function createPaint(terminal: boolean, env: NodeJS.ProcessEnv): Paint {
  const colour = terminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  const paint = (format: 'green' | 'red' | 'dim') => (text: string) =>
    colour ? styleText(format, text, { validateStream: false }) : text
  return { good: paint('green'), bad: paint('red'), dim: paint('dim') }
}

/** A screen of 100 columns that hands finished lines to `print`. */
export function createScreen(print: (line: string) => void, paint: Paint): Screen {
  let number = 0
  let head = ''
  return {
    plain: print,
    station: (name) => {
      number += 1
      head = `${String(number).padStart(2)}  ${name}`
    },
    line: (text, elapsedMs) => {
      const time = elapsedMs === undefined ? '' : paint.dim(formatMs(elapsedMs).padStart(TIME_COLUMNS))
      const padding = ' '.repeat(Math.max(0, TEXT_COLUMNS - stripVTControlCharacters(text).length))
      print(`${head.padEnd(4 + NAME_COLUMNS)}${text}${time === '' ? '' : padding + time}`)
      head = ''
    },
  }
}

/** A length of time with three meaningful digits: `0.412 ms`, `41.2 ms`, `2,013 ms`. */
export function formatMs(ms: number): string {
  const digits = ms >= 100 ? 0 : ms >= 10 ? 1 : ms >= 1 ? 2 : 3
  return `${formatNumber(ms, digits)} ms`
}

/** A number with thousands separated by commas, whatever the locale. */
export function formatNumber(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** Runs something and says how long it took, in ms. */
export async function timed<T>(run: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const start = performance.now()
  const value = await run()
  return { value, ms: performance.now() - start }
}
