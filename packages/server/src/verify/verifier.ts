import type { Address } from '@keystead/protocol/address'
import type { Environment } from '@keystead/protocol/api-key'
import { decide, type Decision, type KeyRecord } from '@keystead/protocol/decision'
import type { Authorized } from '../access/authorize.ts'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import { hashText } from '../hash.ts'
import type { ProjectId } from '../ids.ts'
import type { UsageRecorder } from '../usage/recorder.ts'
import { requireFresh } from './freshness.ts'
import type { AddressCounter } from './addresses.ts'
import type { ForeignTexts } from './foreign.ts'
import type { KeyIndex } from './index.ts'
import type { PermissionQueries } from './permission-queries.ts'

export interface Verifier {
  readonly index: KeyIndex
  readonly foreign: ForeignTexts
  readonly usage: Pick<UsageRecorder, 'count' | 'totalOf' | 'dropped'>
  readonly queries: PermissionQueries
  readonly addresses: AddressCounter
  readonly clock: Clock
  /** Milliseconds since the index was known to hold everything that was committed. */
  readonly ageMs: () => number
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

/** What a service asks about one presented key. */
export interface Presented {
  readonly text: string
  /** A permission query (permission-query.ts) as text, or null. */
  readonly permission: string | null
  readonly address: Address | null
  /** Where in the request it stands, for messages: a JSON Pointer. */
  readonly path: string
}

/**
 * Decides on one presented key and counts the answer: at once and from memory, whatever the text, but for the first use
 * of an imported key with a slow hash (foreign.ts). `request.invalid` for a permission query that cannot be read,
 * `verification.stale` when the index may be old, `verification.busy` when too many slow hashes wait.
 */
export function verify(
  verifier: Verifier,
  place: Place,
  { text, permission, address, path }: Presented,
): Decision | Promise<Decision> {
  requireFresh(verifier)
  const now = verifier.clock()
  const query = permission === null ? null : verifier.queries.read(permission, `${path}/permission`)
  const question = { text, kind: 'key', ...place, permission: query, address, now } as const
  const native = decide(question, lookupIn(verifier.index), hashText)
  const decision = native.record === null ? verifier.foreign.decide(question) : native
  if (decision instanceof Promise) return countedLater(verifier, decision, address)
  count(verifier, decision, now, address)
  return decision
}

async function countedLater(
  verifier: Verifier,
  decided: Promise<Decision>,
  address: Address | null,
): Promise<Decision> {
  const decision = await decided
  requireFresh(verifier)
  count(verifier, decision, verifier.clock(), address)
  return decision
}

function count(verifier: Verifier, decision: Decision, now: number, address: Address | null): void {
  verifier.usage.count(decision, now)
  verifier.addresses.count(decision, now, address)
}

/** The look-up that decisions are given. */
export function lookupIn(index: KeyIndex): (locator: string) => KeyRecord | undefined {
  return (locator) => index.lookup(locator)
}
