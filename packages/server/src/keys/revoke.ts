import { REVOCATION_REASONS, type RevocationReason } from '@keystead/protocol/lifecycle'
import type { Authorized } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import type { ApiKey } from '../storage/records.ts'
import { type KeyClass, requireVisible } from './find.ts'
import { requireTransition } from './state.ts'

export interface Revoked {
  readonly key: ApiKey
  /** The revocation's position in the log: a verifier that has read this far refuses the key. */
  readonly position: number | null
}

/**
 * Deactivates a key for ever, all its versions at once; `keyCompromise` marks it compromised. When this answers, the
 * change is on disk and this server refuses the key. Errors: `key.not_found`, `key.illegal_transition` (a second time).
 */
export async function revokeKey(
  domain: Domain,
  by: Authorized<'keys:revoke'> | Authorized<'root-keys:revoke'>,
  keyClass: KeyClass,
  id: string,
  reason: RevocationReason,
): Promise<Revoked> {
  const { value, position } = await domain.store.transact(by.provenance, async (tx) => {
    const key = requireVisible(await tx.key(id), keyClass, by)
    requireTransition(key, REVOCATION_REASONS[reason])
    const next = revoked(key, reason, domain.clock())
    await tx.saveKey(key, next)
    tx.record({
      action: keyClass === 'root' ? 'root_key.revoked' : 'key.revoked',
      projectId: key.projectId,
      environment: key.environment,
      reason,
    })
    return next
  })
  return { key: value, position }
}

/** The key as it is once revoked for this reason; whether it may be is for the caller to see (requireTransition). */
export function revoked(key: ApiKey, reason: RevocationReason, now: number): ApiKey {
  return {
    ...key,
    version: key.version + 1,
    state: REVOCATION_REASONS[reason],
    revokedAt: key.revokedAt ?? now,
    revocationReason: reason,
  }
}
