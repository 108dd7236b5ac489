import type { Decision } from '@keystead/protocol/decision'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Action } from '../../../access/actions.ts'
import { authorize } from '../../../access/authorize.ts'
import { authenticate, requireCredential } from '../../../verify/authenticate.ts'
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

/**
 * Decides on a presented key for the caller whose root key text is given, and hands the decision to `done`: at once but
 * for the first use of an imported key with a slow hash. What goes wrong later is for `fail`.
 */
export function decideFor(
  services: Services,
  credential: string | null,
  presented: Presented,
  done: (decision: Decision) => void,
  fail: (error: unknown) => void,
): void {
  const { verifier } = services
  const caller = authenticate(verifier, credential)
  const by = authorize(caller, 'keys:verify', NO_DEMAND, null)
  const decision = verify(verifier, placeOf(by), presented)
  if (decision instanceof Promise) void answerLater(decision)
  else done(decision)

  async function answerLater(decided: Promise<Decision>): Promise<void> {
    try {
      const late = await decided
      // Again: the credential may have been revoked meanwhile.
      requireCredential(verifier, credential)
      done(late)
    } catch (error) {
      fail(error)
    }
  }
}
