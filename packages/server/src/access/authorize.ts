import type { Environment } from '@keystead/protocol/api-key'
import { allows, covers, type Grants } from '@keystead/protocol/permission'
import { DomainError } from '../errors.ts'
import type { KeyId, ProjectId, RequestId } from '../ids.ts'
import type { Provenance } from '../storage/store.ts'
import type { Action } from './actions.ts'

/** Whoever makes a request, after its credential has been verified. */
export interface Caller {
  readonly keyId: KeyId
  readonly reach: Reach
  readonly grants: Grants
}

/** Where a credential may act; null: everywhere. */
export interface Reach {
  readonly projectId: ProjectId | null
  readonly environment: Environment | null
}

/** What an operation demands beyond the permission. People who can meet it come with the people module. */
export interface Demand {
  /** A fresh second factor of the person who asks. A root key is a machine: it has none, and is exempt by being narrow. */
  readonly stepUp: boolean
  /** How many other people must have consented to exactly this. */
  readonly approvals: number
}

/** The request that asks for something, as it ends in the audit event, what it expects to find, and its mark. */
export interface AskedBy extends Pick<Provenance, 'expectedVersion' | 'mark'> {
  readonly id: RequestId
  readonly operation: string
}

declare const proof: unique symbol

/**
 * Proof that this caller may do `A`; only this file makes one. NOT yet checked: that the object of the operation lies
 * within the caller's reach — that is `isWithin`, once the object has been read.
 */
export interface Authorized<A extends Action> {
  readonly [proof]: A
  readonly reach: Reach
  readonly provenance: Provenance
  /** Whether the caller could do all this itself; what it may not do, it cannot give away (T-09). */
  readonly canGive: (permissions: readonly string[]) => boolean
}

/** DomainError `access.denied` unless the caller's permissions allow `action`. `request` is null where nothing is audited. */
export function authorize<A extends Action>(
  caller: Caller,
  action: A,
  demand: Demand,
  request: AskedBy | null,
): Authorized<A> {
  if (!allows(caller.grants, action))
    throw new DomainError('access.denied', `It needs the permission ${action}.`)
  // No machine can give another person's consent: until people can approve, such an operation is refused.
  if (demand.approvals > 0)
    throw new DomainError('access.denied', 'It needs the approval of a second person.')
  return {
    reach: caller.reach,
    provenance: provenanceOf('root_key', caller.keyId, request),
    canGive: (permissions: readonly string[]) => covers(caller.grants, permissions),
  } as unknown as Authorized<A>
}

/** The server itself, at start: whoever can open the keystore may do this. Never reachable by a request. */
export const SERVER: Provenance = { actor: { type: 'system', id: null }, request: null }

/** As SERVER, for a domain function that wants an authorization. */
export function authorizeServer<A extends Action>(): Authorized<A> {
  const reach: Reach = { projectId: null, environment: null }
  return { reach, provenance: SERVER, canGive: () => true } as unknown as Authorized<A>
}

/**
 * For whoever presents an API key: the right to do `A` to exactly that key. Only for operations whose object is the
 * presented key itself, taken from the proof and from nothing that the request says.
 */
export function authorizeHolder<A extends Action>(
  key: { readonly keyId: KeyId; readonly reach: Reach },
  request: AskedBy,
): Authorized<A> {
  const provenance = provenanceOf('api_key', key.keyId, request)
  return { reach: key.reach, provenance, canGive: () => false } as unknown as Authorized<A>
}

function provenanceOf(type: 'root_key' | 'api_key', id: KeyId, asked: AskedBy | null): Provenance {
  if (asked === null) return { actor: { type, id }, request: null }
  const { id: requestId, operation, ...expected } = asked
  return { ...expected, actor: { type, id }, request: { id: requestId, operation } }
}

/** As whoever asked, for what a request does after its first transaction: only that one has a version to meet and a mark. */
export function afterwards({ actor, request }: Provenance): Provenance {
  return { actor, request }
}

/** Whoever has made a change may see what it has come to, though it may read nothing else: for a repeated request. */
export function mayReadBack<R extends Action>(by: Authorized<Action>): Authorized<R> {
  return by as unknown as Authorized<R>
}

/** `access.denied` for a credential that is bound to a project or environment, where an operation is about all of them. */
export function requireUnbound(by: Authorized<Action>): void {
  if (by.reach.projectId !== null || by.reach.environment !== null) {
    throw new DomainError(
      'access.denied',
      'It concerns every project: it needs a credential that is bound to none.',
    )
  }
}

/** `access.denied` for a credential that is bound to one environment, where an operation is about all of a project's. */
export function requireEveryEnvironment(by: Authorized<Action>): void {
  if (by.reach.environment === null) return
  throw new DomainError(
    'access.denied',
    'It concerns every environment of the project: it needs a credential that is bound to none.',
  )
}

/** `access.denied` for a credential that is bound to another environment than the one that a request names. */
export function requireEnvironment(reach: Reach, environment: Environment | null): void {
  if (reach.environment !== null && reach.environment !== environment)
    throw new DomainError('access.denied', `The credential is bound to ${reach.environment}.`)
}

/** Whether an object lies where the caller may act. If not, the answer is that it does not exist (style 15). */
export function isWithin(
  reach: Reach,
  object: { readonly projectId: ProjectId | null; readonly environment?: Environment | null },
): boolean {
  if (reach.projectId !== null && reach.projectId !== object.projectId) return false
  if (object.environment === undefined) return true
  return reach.environment === null || reach.environment === object.environment
}
