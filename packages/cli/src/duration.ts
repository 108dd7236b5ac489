import { usageFailure } from './failure.ts'

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
// 100 years: longer than any key should live, and far below where milliseconds lose precision.
const DURATION_SECONDS_MAX = 100 * 365 * 86_400

/** Seconds of a duration such as 30s, 15m, 24h, 90d, 2w. `option` names it in the usage failure. */
export function parseDuration(option: string, text: string): number {
  const match = /^(\d{1,10})([smhdw])$/.exec(text)
  const seconds = Number(match?.[1]) * (SECONDS[match?.[2] ?? ''] ?? Number.NaN)
  if (!(seconds > 0 && seconds <= DURATION_SECONDS_MAX)) {
    throw usageFailure(`--${option} must be a duration such as 30s, 15m, 24h, 90d or 2w (up to 100 years)`)
  }
  return seconds
}

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/

/** Epoch milliseconds of an RFC 3339 time with offset, for example 2026-12-31T00:00:00Z. */
export function parseTime(option: string, text: string): number {
  const match = RFC3339.exec(text)
  const at = match === null ? Number.NaN : Date.parse(text.toUpperCase())
  if (
    match === null ||
    Number.isNaN(at) ||
    !isCalendarDay(Number(match[1]), Number(match[2]), Number(match[3]))
  ) {
    throw usageFailure(`--${option} must be an RFC 3339 time with offset, for example 2026-12-31T00:00:00Z`)
  }
  return at
}

/** Date.parse turns 30 February into 2 March; here it is refused. */
function isCalendarDay(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day))
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day
}
