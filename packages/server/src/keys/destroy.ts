import { type Authorized, SERVER } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import type { ApiKey } from '../storage/records.ts'
import { requireVisible } from './find.ts'
import { requireTransition } from './state.ts'

/** A week to notice a mistake. */
export const DESTRUCTION_SECONDS_DEFAULT = 7 * 86_400
export const DESTRUCTION_SECONDS_MAX = 90 * 86_400

/**
 * Has everything that a key holds erased when `delaySeconds` are over; until then it can be called off. Only a key that
 * is out of use: `key.illegal_transition` for an active one, `key.not_found`.
 */
export async function scheduleDestruction(
  domain: Domain,
  by: Authorized<'keys:destroy'>,
  id: string,
  delaySeconds: number,
): Promise<ApiKey> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const key = requireVisible(await tx.key(id), 'issued', by)
    requireTransition(key, 'destroyed')
    const destroyAt = domain.clock() + delaySeconds * 1_000
    const next: ApiKey = { ...key, version: key.version + 1, destroyAt }
    await tx.saveKey(key, next)
    tx.record({
      action: 'key.destruction_scheduled',
      projectId: key.projectId,
      environment: key.environment,
      details: { destroyAt },
    })
    return next
  })
  return value
}

/** Calls a scheduled destruction off. `key.not_found`, `key.no_destruction`. */
export async function cancelDestruction(
  domain: Domain,
  by: Authorized<'keys:destroy'>,
  id: string,
): Promise<ApiKey> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const key = requireVisible(await tx.key(id), 'issued', by)
    if (key.destroyAt === null) throw new DomainError('key.no_destruction')
    const next: ApiKey = { ...key, version: key.version + 1, destroyAt: null }
    await tx.saveKey(key, next)
    tx.record({
      action: 'key.destruction_cancelled',
      projectId: key.projectId,
      environment: key.environment,
    })
    return next
  })
  return value
}

/**
 * Makes a tombstone of a key whose time has come: id, locator, owner, times and reason stay, so that its history can be
 * read, and where it was imported from, so that it is not imported again; what could verify or describe it is gone. Null when it is no longer due: somebody has called it off meanwhile.
 */
export async function destroyKey(domain: Domain, id: string): Promise<ApiKey | null> {
  const { value } = await domain.store.transact(SERVER, async (tx) => {
    const key = await tx.key(id)
    if (key === null || key.destroyAt === null || key.destroyAt > domain.clock()) return null
    requireTransition(key, 'destroyed')
    const next: ApiKey = {
      ...key,
      version: key.version + 1,
      state: 'destroyed',
      name: '',
      permissions: [],
      roles: [],
      allowedAddresses: [],
      versions: [],
      destroyAt: null,
      imported: key.imported === null ? null : { ...key.imported, hash: null },
    }
    await tx.saveKey(key, next)
    tx.record({ action: 'key.destroyed', projectId: key.projectId, environment: key.environment })
    return next
  })
  return value
}
