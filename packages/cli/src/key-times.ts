import type { OptionSpec } from './command.ts'
import { parseDuration, parseTime } from './duration.ts'
import { usageFailure } from './failure.ts'
import type { Values } from './values.ts'

/** The two ways to say when a key expires. */
export const EXPIRY_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  'expires-in': { type: 'text', placeholder: 'DURATION', help: 'for example 90d (s, m, h, d, w)' },
  'expires-at': { type: 'text', placeholder: 'TIME', help: 'RFC 3339, for example 2027-01-01T00:00:00Z' },
}

/** Epoch milliseconds from --expires-in (counted from `now`) or --expires-at; undefined when neither was given. */
export function readExpiry(values: Values, now: number): number | undefined {
  const duration = values.text('expires-in')
  const time = values.text('expires-at')
  if (duration !== undefined && time !== undefined)
    throw usageFailure('--expires-in and --expires-at exclude each other')
  if (duration !== undefined) return now + parseDuration('expires-in', duration) * 1000
  return time === undefined ? undefined : parseTime('expires-at', time)
}
