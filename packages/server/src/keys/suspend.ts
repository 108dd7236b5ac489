import type { SuspensionReason } from '@keystead/protocol/lifecycle'
import type { Authorized } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import type { ApiKey } from '../storage/records.ts'
import type { Transaction } from '../storage/store.ts'
import { type KeyClass, requireNoEscalation, requireVisible } from './find.ts'
import { requireTransition } from './state.ts'

type MaySuspend = Authorized<'keys:suspend'> | Authorized<'root-keys:suspend'>

/**
 * Refuses a key until it is resumed, all its versions at once. When this answers, this server refuses it. Errors:
 * `key.not_found`, `key.illegal_transition` (suspended already, or final).
 */
export async function suspendKey(
  domain: Domain,
  by: MaySuspend,
  keyClass: KeyClass,
  id: string,
  reason: SuspensionReason,
): Promise<ApiKey> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const key = requireVisible(await tx.key(id), keyClass, by)
    const next = await saveSuspended(tx, key)
    tx.record({
      action: keyClass === 'root' ? 'root_key.suspended' : 'key.suspended',
      projectId: key.projectId,
      environment: key.environment,
      reason,
    })
    return next
  })
  return value
}

/**
 * Accepts a suspended key again, as far as its times allow. A root key can be resumed only by who could have given it
 * (T-09). Errors: `key.not_found`, `key.illegal_transition`, `access.escalation`.
 */
export async function resumeKey(
  domain: Domain,
  by: MaySuspend,
  keyClass: KeyClass,
  id: string,
): Promise<ApiKey> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const key = requireVisible(await tx.key(id), keyClass, by)
    requireNoEscalation(key, by)
    const next = await saveResumed(tx, key)
    tx.record({
      action: keyClass === 'root' ? 'root_key.resumed' : 'key.resumed',
      projectId: key.projectId,
      environment: key.environment,
    })
    return next
  })
  return value
}

/** Saves a key as suspended in an open transaction; the caller has authorized it and records the event. */
async function saveSuspended(tx: Transaction, key: ApiKey): Promise<ApiKey> {
  requireTransition(key, 'suspended')
  const next: ApiKey = { ...key, version: key.version + 1, state: 'suspended' }
  await tx.saveKey(key, next)
  return next
}

/** Saves a suspended key as active again, its destruction called off; as saveSuspended. */
async function saveResumed(tx: Transaction, key: ApiKey): Promise<ApiKey> {
  if (key.state !== 'suspended') {
    throw new DomainError('key.illegal_transition', `It is ${key.state}, not suspended.`)
  }
  const next: ApiKey = { ...key, version: key.version + 1, state: 'active', destroyAt: null }
  await tx.saveKey(key, next)
  return next
}
