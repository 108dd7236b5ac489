import { decide } from '@keystead/protocol/decision'
import type { Caller } from '../access/authorize.ts'
import { DomainError } from '../errors.ts'
import { hashText } from '../hash.ts'
import type { KeyId, ProjectId } from '../ids.ts'
import { lookupIn, type Verifier } from './verifier.ts'

/**
 * The caller that a presented root key proves; `access.unauthenticated` for null and every other text: unknown, expired,
 * revoked, not a root key. Kept, verified and counted like any key, from memory.
 */
export function authenticate(verifier: Verifier, text: string | null): Caller {
  if (text === null) throw new DomainError('access.unauthenticated')
  const now = verifier.clock()
  const question = { text, kind: 'root', projectId: null, environment: null, permission: null, now } as const
  const decision = decide(question, lookupIn(verifier.index), hashText)
  verifier.usage.count(decision, now)
  const { code, record } = decision
  if (code !== 'VALID' || record === null) throw new DomainError('access.unauthenticated')
  return {
    keyId: record.keyId as KeyId,
    reach: { projectId: record.projectId as ProjectId | null, environment: record.environment },
    grants: record.grants,
  }
}
