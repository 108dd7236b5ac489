import type { Environment } from '@keystead/protocol/api-key'
import { decide, type Decision, type KeyRecord } from '@keystead/protocol/decision'
import type { Authorized } from '../access/authorize.ts'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import { hashText } from '../hash.ts'
import type { ProjectId } from '../ids.ts'
import type { KeyIndex } from './index.ts'
import type { UsageCounter } from './usage.ts'

export interface Verifier {
  readonly index: KeyIndex
  readonly usage: UsageCounter
  readonly clock: Clock
}

/** Where a verification happens, from the asking caller's credential and from nothing else. */
export interface Place {
  readonly projectId: ProjectId
  readonly environment: Environment
}

/** The one project and environment that the caller's credential is bound to; `access.denied` when it is not. */
export function placeOf(by: Authorized<'keys:verify'>): Place {
  const { projectId, environment } = by.reach
  if (projectId === null || environment === null) {
    throw new DomainError(
      'access.denied',
      'Verification needs a credential that is bound to one project and one environment.',
    )
  }
  return { projectId, environment }
}

/**
 * Decides on one presented key, from memory, and counts the answer. `permission` is one exact permission or null.
 * Asks no database, whatever the text.
 */
export function verify(verifier: Verifier, place: Place, text: string, permission: string | null): Decision {
  const now = verifier.clock()
  const decision = decide(
    { text, kind: 'key', ...place, permission, now },
    lookupIn(verifier.index),
    hashText,
  )
  verifier.usage.count(decision, now)
  return decision
}

/** The look-up that decisions are given. */
export function lookupIn(index: KeyIndex): (locator: string) => KeyRecord | undefined {
  return (locator) => index.lookup(locator)
}
