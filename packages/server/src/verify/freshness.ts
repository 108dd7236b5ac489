import { DomainError } from '../errors.ts'
import type { Verifier } from './verifier.ts'

/** How old what a verifier holds may be: after this no key is accepted until the database has answered (T-23). */
const AGE_MS_MAX = 5_000

type Aged = Pick<Verifier, 'ageMs'>

/** How old what the verifier holds can be, in whole milliseconds. DomainError `verification.stale` past the bound. */
export function requireFresh(verifier: Aged): number {
  const ageMs = verifier.ageMs()
  // Also when it is no number: only an age that is known to be small lets anything pass.
  if (!(ageMs <= AGE_MS_MAX)) throw new DomainError('verification.stale')
  return Math.ceil(ageMs)
}

/** Why nothing is verified now, in words for an operator; null when all is well. */
export function staleness(verifier: Aged): string | null {
  return verifier.ageMs() <= AGE_MS_MAX ? null : 'the database does not answer: no key is accepted'
}
