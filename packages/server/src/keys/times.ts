import { DomainError } from '../errors.ts'

/** Ten years: long enough for any contract, short enough that a slip of a digit is noticed. */
const LIFETIME_MS_MAX = 10 * 366 * 86_400_000

interface Times {
  readonly notBefore: number | null
  readonly expiresAt: number | null
}

/** `key.invalid_times` unless `areSensible`. */
export function requireSensibleTimes(times: Times, now: number): void {
  if (!areSensible(times, now)) throw new DomainError('key.invalid_times')
}

/** Whether `expiresAt` lies after now and after `notBefore`, and neither is ten years away. */
export function areSensible({ notBefore, expiresAt }: Times, now: number): boolean {
  const latest = Math.max(notBefore ?? now, expiresAt ?? now)
  const inOrder = expiresAt === null || (expiresAt > now && expiresAt > (notBefore ?? now))
  return inOrder && latest <= now + LIFETIME_MS_MAX
}
