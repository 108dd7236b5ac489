import type { Environment } from '@keystead/protocol/api-key'
import { type Authorized, isWithin } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import type { KeyId, OwnerId, ProjectId, RoleId } from '../ids.ts'
import type { ApiKey, KeyUse, Page } from '../storage/records.ts'
import type { PageRequest } from '../storage/store.ts'
import { type KeyClass, requireVisible } from './find.ts'
import type { VisibleState } from './state.ts'

export interface KeyQuery {
  readonly projectId?: string
  readonly environment?: Environment
  readonly ownerId?: string
  readonly roleId?: string
  readonly state?: VisibleState
}

/** A key with how it has been used so far; uses are written once a second, so the last second may be missing. */
export interface UsedKey {
  readonly key: ApiKey
  readonly uses: readonly KeyUse[]
}

type Readable = Authorized<'keys:read'> | Authorized<'root-keys:read'>

/** One key. `key.not_found` outside the caller's reach. */
export async function getKey(domain: Domain, by: Readable, keyClass: KeyClass, id: string): Promise<UsedKey> {
  const key = requireVisible(await domain.store.reader.key(id), keyClass, by)
  return { key, uses: await domain.store.reader.uses([key.id]) }
}

/**
 * How often and how each version of a key that has just been changed was used so far. None when the database does not
 * answer: the change is done, and its answer must not say otherwise, nor lose a new secret, for the sake of counts.
 */
export async function usesOf(domain: Domain, key: ApiKey): Promise<readonly KeyUse[]> {
  try {
    return await domain.store.reader.uses([key.id])
  } catch (error) {
    if (error instanceof DomainError && error.code === 'storage.unavailable') return []
    throw error
  }
}

/** Keys within the caller's reach, oldest first. */
export async function listKeys(
  domain: Domain,
  by: Readable,
  keyClass: KeyClass,
  query: KeyQuery,
  page: PageRequest,
): Promise<Page<UsedKey>> {
  const projectId = (query.projectId ?? by.reach.projectId) as ProjectId | null
  const environment = query.environment ?? by.reach.environment
  if (!isWithin(by.reach, { projectId, environment })) return { items: [], nextCursor: null }
  const filter = {
    kind: keyClass,
    projectId,
    environment,
    ownerId: (query.ownerId ?? null) as OwnerId | null,
    roleId: (query.roleId ?? null) as RoleId | null,
    state: query.state ?? null,
    now: domain.clock(),
  }
  const { items, nextCursor } = await domain.store.reader.keys(filter, page)
  const uses = await usesByKey(domain, items)
  return { items: items.map((key) => ({ key, uses: uses.get(key.id) ?? [] })), nextCursor }
}

async function usesByKey(domain: Domain, keys: readonly ApiKey[]): Promise<Map<string, KeyUse[]>> {
  const ids: KeyId[] = keys.map((key) => key.id)
  const byKey = new Map<string, KeyUse[]>()
  for (const use of await domain.store.reader.uses(ids)) {
    const known = byKey.get(use.keyId)
    if (known === undefined) byKey.set(use.keyId, [use])
    else known.push(use)
  }
  return byKey
}
