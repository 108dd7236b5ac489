import { decide, type Decision } from '@keystead/protocol/decision'
import type { Caller } from '../access/authorize.ts'
import { DomainError } from '../errors.ts'
import { hashText } from '../hash.ts'
import type { KeyId, ProjectId } from '../ids.ts'
import { requireFresh } from './freshness.ts'
import { lookupIn, type Verifier } from './verifier.ts'

/**
 * The caller that a presented root key proves; `access.unauthenticated` for null and every other text: unknown, expired,
 * revoked, not a root key. Kept, verified and counted like any key, from memory.
 */
export function authenticate(verifier: Verifier, text: string | null): Caller {
  const decision = decisionOn(verifier, text)
  if (decision !== null) verifier.usage.count(decision, verifier.clock(), true)
  return callerOf(decision)
}

/** As authenticate, but no use is counted: to turn a stranger away before the body of a request is read. */
export function requireCredential(verifier: Verifier, text: string | null): void {
  callerOf(decisionOn(verifier, text))
}

function decisionOn(verifier: Verifier, text: string | null): Decision | null {
  if (text === null) return null
  requireFresh(verifier)
  const now = verifier.clock()
  const question = {
    text,
    kind: 'root',
    projectId: null,
    environment: null,
    permission: null,
    address: null,
    now,
  } as const
  return decide(question, lookupIn(verifier.index), hashText)
}

function callerOf(decision: Decision | null): Caller {
  if (decision === null || decision.code !== 'VALID' || decision.record === null) {
    throw new DomainError('access.unauthenticated')
  }
  const { record } = decision
  return {
    keyId: record.keyId as KeyId,
    reach: { projectId: record.projectId as ProjectId | null, environment: record.environment },
    grants: record.policy.grants,
  }
}
