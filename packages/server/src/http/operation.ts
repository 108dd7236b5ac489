import type { AddressRange } from '@keystead/protocol/address'
import type { AuditAction } from '@keystead/protocol/audit-actions'
import type { ErrorCodeName } from '@keystead/protocol/error-codes'
import type { Static, TSchema } from 'typebox'
import type { Action } from '../access/actions.ts'
import type { Authorized, Demand } from '../access/authorize.ts'
import type { CheckpointPublisher } from '../audit/publish.ts'
import type { StateExports } from '../audit/state-exports.ts'
import type { Domain } from '../domain.ts'
import type { Metrics } from '../metrics.ts'
import type { DoneRequest } from '../storage/records.ts'
import type { Possession } from '../verify/possession.ts'
import type { Verifier } from '../verify/verifier.ts'
import type { Deprecation } from './deprecation.ts'

/** What the operations are given by the composition root. */
export interface Services {
  readonly domain: Domain
  readonly verifier: Verifier
  readonly publisher: CheckpointPublisher
  readonly stateExports: StateExports
  readonly metrics: Metrics
  /** Proxies whose word about a client's address is taken. */
  readonly trustedProxies: readonly AddressRange[]
}

/** What of an operation the OpenAPI document, the authorization table and the reference pages are made from. */
export interface Described {
  /** `noun.verb`, stable; ends in audit events and the OpenAPI document. */
  readonly id: string
  readonly method: 'GET' | 'POST' | 'PATCH'
  /** With `{name}` for path parameters; `{name+}` takes the rest of the path, slashes included. */
  readonly path: string
  readonly summary: string
  /** Null: none, the operation is about the API key that is presented and about no other. */
  readonly permission: Action | null
  /** The audit event that it records, or null when it changes nothing. */
  readonly audit: AuditAction | null
  readonly demand: Demand
  /** It is about every project at once: a credential that is bound to one is refused. */
  readonly installationWide?: true
  readonly status: 200 | 201
  readonly params?: TSchema
  readonly query?: TSchema
  readonly body?: TSchema
  /** How large a body may be where more than usual is needed. */
  readonly bodyBytesMax?: number
  readonly output: TSchema
  /** Of an answer that is not JSON, e.g. `text/plain`; the output is then a string or bytes. */
  readonly outputType?: string
  /** Left out: it is not. */
  readonly deprecated?: Deprecation
  /** Beyond those that any operation can answer. */
  readonly errors: readonly ErrorCodeName[]
}

/**
 * How a repeated request with the same Idempotency-Key is answered: `again`, where doing it again changes nothing more,
 * or from what it has done, without any secret. It needs no permission but the operation's own.
 */
export type Repetition<By, Asked, Output> =
  | 'again'
  | ((services: Services, by: By, done: DoneRequest, input: Asked) => Promise<Output>)

interface Checked<P extends TSchema, Q extends TSchema, B extends TSchema> {
  readonly params: Static<P>
  readonly query: Static<Q>
  readonly body: Static<B>
}

interface Typed<
  A extends Action,
  P extends TSchema,
  Q extends TSchema,
  B extends TSchema,
  O extends TSchema,
> extends Omit<Described, 'demand'> {
  readonly permission: A
  readonly demand?: Demand
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  readonly output: O
  /** Of every operation that changes something. */
  readonly repeat?: Repetition<Authorized<A>, Checked<P, Q, B>, Static<O>>
  readonly handle: (services: Services, by: Authorized<A>, input: Checked<P, Q, B>) => Promise<Static<O>>
}

export interface Operation extends Described {
  readonly permission: Action
  /** Null for what changes nothing. */
  readonly repeat: Repetition<Authorized<Action>, Input, unknown> | null
  readonly handle: (services: Services, by: Authorized<Action>, input: Input) => Promise<unknown>
}

/** An operation whose credential is the API key that it is about. */
export interface SelfOperation extends Described {
  readonly permission: null
  readonly repeat: Repetition<Holder, Input, unknown> | null
  readonly handle: (services: Services, holder: Holder, input: Input) => Promise<unknown>
}

/** Who has presented an API key, and the right to do something to exactly that key. */
export interface Holder extends Possession {
  readonly may: <A extends Action>() => Authorized<A>
}

/** A request's parts after its schemas have been checked. */
export interface Input {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
}

/** Neither a second factor nor a second person. */
export const NO_DEMAND: Demand = { stepUp: false, approvals: 0 }

/**
 * Declares an operation: from here come its route, its validation, its authorization, its documents and its tests.
 * `handle` runs after all of that; its answer is cut down to the fields of `output`.
 */
export function operation<
  A extends Action,
  O extends TSchema,
  P extends TSchema = TSchema,
  Q extends TSchema = TSchema,
  B extends TSchema = TSchema,
>(declared: Typed<A, P, Q, B, O>): Operation {
  const { handle, repeat = null, ...described } = declared
  return {
    ...described,
    demand: declared.demand ?? NO_DEMAND,
    repeat: repeat as Operation['repeat'],
    // The pipeline has checked input against exactly these schemas and made `by` for exactly this permission.
    handle: (services, by, input) =>
      handle(services, by as unknown as Authorized<A>, input as Checked<P, Q, B>),
  }
}

interface SelfTyped<B extends TSchema, O extends TSchema> extends Omit<Described, 'demand' | 'permission'> {
  readonly body?: B
  readonly output: O
  readonly repeat?: Repetition<Holder, Input, Static<O>>
  readonly handle: (
    services: Services,
    holder: Holder,
    input: { readonly body: Static<B> },
  ) => Promise<Static<O>>
}

/** Declares an operation on the API key that is presented with it; otherwise as `operation`. */
export function selfOperation<O extends TSchema, B extends TSchema = TSchema>(
  declared: SelfTyped<B, O>,
): SelfOperation {
  const { handle, repeat = null, ...described } = declared
  return {
    ...described,
    permission: null,
    repeat,
    demand: NO_DEMAND,
    handle: (services, holder, input) => handle(services, holder, input as { body: Static<B> }),
  }
}
