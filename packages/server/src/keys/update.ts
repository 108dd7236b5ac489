import type { Authorized } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import type { ApiKey } from '../storage/records.ts'
import type { DetailValue } from '../storage/store.ts'
import { type KeyClass, requireNoEscalation, requireVisible } from './find.ts'
import { requireRunning } from './state.ts'
import { requireRanges, requireRoles } from './limits.ts'
import { requireSensibleTimes } from './times.ts'

export interface KeyChange {
  readonly name?: string
  readonly permissions?: readonly string[]
  /** Ids of roles, in the place of those that the key has (API keys only). */
  readonly roles?: readonly string[]
  /** Ranges, in the place of those that the key has; none: any address (API keys only). */
  readonly allowedAddresses?: readonly string[]
  /** Epoch milliseconds; null: never (API keys only). */
  readonly expiresAt?: number | null
}

/**
 * Changes name, permissions, roles, addresses or expiry; the secret stays. Takes effect with the next verification.
 * Errors: `key.not_found`, `role.not_found`, `key.invalid_addresses`, `key.expired`, `key.illegal_transition`, `key.invalid_times`, `access.escalation`.
 */
export async function updateKey(
  domain: Domain,
  by: Authorized<'keys:update'> | Authorized<'root-keys:update'>,
  keyClass: KeyClass,
  id: string,
  change: KeyChange,
): Promise<ApiKey> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const key = requireVisible(await tx.key(id), keyClass, by)
    const now = domain.clock()
    requireRunning(key, now)
    requireNoEscalation(key, by)
    const next: ApiKey = {
      ...key,
      version: key.version + 1,
      name: change.name ?? key.name,
      permissions: change.permissions ?? key.permissions,
      roles: change.roles === undefined ? key.roles : await requireRoles(tx, key.projectId, change.roles),
      allowedAddresses:
        change.allowedAddresses === undefined ? key.allowedAddresses : requireRanges(change.allowedAddresses),
      expiresAt: change.expiresAt === undefined ? key.expiresAt : change.expiresAt,
    }
    if (next.kind === 'root' && !by.canGive(next.permissions)) throw new DomainError('access.escalation')
    requireSensibleTimes(next, now)
    await tx.saveKey(key, next)
    tx.record({
      action: keyClass === 'root' ? 'root_key.updated' : 'key.updated',
      projectId: key.projectId,
      environment: key.environment,
      details: changes(key, next),
    })
    return next
  })
  return value
}

/** What the log says of it: names are users' text and stay out, the commitment covers them. */
function changes(before: ApiKey, after: ApiKey): Readonly<Record<string, DetailValue>> {
  return {
    renamed: before.name !== after.name,
    permissionsAdded: after.permissions.filter((permission) => !before.permissions.includes(permission)),
    permissionsRemoved: before.permissions.filter((permission) => !after.permissions.includes(permission)),
    ...(after.roles.join() === before.roles.join() ? {} : { roles: after.roles }),
    ...(after.allowedAddresses.join() === before.allowedAddresses.join()
      ? {}
      : { allowedAddresses: after.allowedAddresses }),
    expiresAt: after.expiresAt,
  }
}
