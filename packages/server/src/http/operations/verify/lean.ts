import type { Decision } from '@keystead/protocol/decision'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Action } from '../../../access/actions.ts'
import { authorize } from '../../../access/authorize.ts'
import { authenticate } from '../../../verify/authenticate.ts'
import { placeOf, type Presented, verify } from '../../../verify/verifier.ts'
import { type Described, NO_DEMAND, type Services } from '../../operation.ts'

/**
 * An operation with its own parser and serialiser on bare node:http: the two verifications are called on every request
 * of a customer's service, and the generic pipeline alone would cost half of their time. Same checks, same order.
 */
export interface LeanOperation extends Described {
  readonly permission: Action
  /** Answers, throws, or calls `fail`: the caller turns either into a problem. */
  readonly respond: (
    services: Services,
    request: IncomingMessage,
    response: ServerResponse,
    fail: (error: unknown) => void,
  ) => void
}

/** Decides on a presented key for the caller whose root key text is given; nothing of it touches a database. */
export function decideFor(services: Services, credential: string | null, presented: Presented): Decision {
  const { verifier } = services
  const caller = authenticate(verifier, credential)
  const by = authorize(caller, 'keys:verify', NO_DEMAND, null)
  return verify(verifier, placeOf(by), presented)
}
