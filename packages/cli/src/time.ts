const UNITS: readonly (readonly [string, number])[] = [
  ['y', 365 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
]

/** Local time as ISO minutes with the distance from now, e.g. `2026-11-25 04:12 (in 3 d)`; `-` for null. */
export function formatTime(at: unknown, now: number): string {
  if (typeof at !== 'number' || !Number.isFinite(at)) return '-'
  const local = formatLocalMinutes(at)
  return local === '-' ? local : `${local} (${formatRelative(at - now)})`
}

/** Local time as `2026-11-25 04:12`. */
export function formatLocalMinutes(at: number): string {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return '-'
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
}

// A key made for 30 d should not read as 29 d because the answer took a moment.
const ROUND_TRIP_MS = 2000

/** `in 3 d`, `2 h ago`, `now` for less than a second. Milliseconds, positive is the future. */
export function formatRelative(ms: number): string {
  const size = Math.abs(ms) + (ms >= 60_000 ? ROUND_TRIP_MS : 0)
  const unit = UNITS.find(([, unitMs]) => size >= unitMs)
  if (unit === undefined) return 'now'
  const amount = `${Math.floor(size / unit[1])} ${unit[0]}`
  return ms > 0 ? `in ${amount}` : `${amount} ago`
}
