import { type Authorized, isWithin } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import type { ProjectId } from '../ids.ts'
import type { Owner, Page } from '../storage/records.ts'
import type { PageRequest } from '../storage/store.ts'

/** One owner. `owner.not_found` outside the caller's reach. */
export async function getOwner(domain: Domain, by: Authorized<'owners:read'>, id: string): Promise<Owner> {
  const owner = await domain.store.reader.owner(id)
  if (owner === null || !isWithin(by.reach, { projectId: owner.projectId }))
    throw new DomainError('owner.not_found')
  return owner
}

/** Owners within the caller's reach, oldest first. */
export async function listOwners(
  domain: Domain,
  by: Authorized<'owners:read'>,
  filter: { readonly projectId?: string; readonly externalId?: string },
  page: PageRequest,
): Promise<Page<Owner>> {
  const projectId = (filter.projectId ?? by.reach.projectId) as ProjectId | null
  if (!isWithin(by.reach, { projectId })) return { items: [], nextCursor: null }
  return domain.store.reader.owners({ projectId, externalId: filter.externalId ?? null }, page)
}
