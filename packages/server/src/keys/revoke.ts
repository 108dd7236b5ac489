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
    const state = REVOCATION_REASONS[reason]
    requireTransition(key, state)
    const revokedAt = key.revokedAt ?? domain.clock()
    const next: ApiKey = { ...key, version: key.version + 1, state, revokedAt, revocationReason: reason }
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
