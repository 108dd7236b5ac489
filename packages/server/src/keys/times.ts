import { DomainError } from '../errors.ts'

/** Ten years: long enough for any contract, short enough that a slip of a digit is noticed. */
const LIFETIME_MS_MAX = 10 * 366 * 86_400_000

/** `key.invalid_times` unless `expiresAt` lies after now and after `notBefore`, and neither is ten years away. */
export function requireSensibleTimes(
  times: { readonly notBefore: number | null; readonly expiresAt: number | null },
  now: number,
): void {
  const { notBefore, expiresAt } = times
  const latest = Math.max(notBefore ?? now, expiresAt ?? now)
  const inOrder = expiresAt === null || (expiresAt > now && expiresAt > (notBefore ?? now))
  if (!inOrder || latest > now + LIFETIME_MS_MAX) throw new DomainError('key.invalid_times')
}
