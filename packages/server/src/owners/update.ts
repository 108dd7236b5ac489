import { type Authorized, isWithin } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import type { Owner } from '../storage/records.ts'
import { requireMetadata } from './metadata.ts'

/**
 * Renames an owner or replaces its metadata, which every verification of its keys answers with from then on.
 * `owner.not_found` outside the caller's reach, `owner.metadata_too_large`.
 */
export async function updateOwner(
  domain: Domain,
  by: Authorized<'owners:update'>,
  id: string,
  change: { readonly name?: string; readonly metadata?: Readonly<Record<string, string>> },
): Promise<Owner> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const owner = await tx.owner(id)
    if (owner === null || !isWithin(by.reach, { projectId: owner.projectId }))
      throw new DomainError('owner.not_found')
    const next: Owner = {
      ...owner,
      version: owner.version + 1,
      name: change.name ?? owner.name,
      metadata: change.metadata === undefined ? owner.metadata : requireMetadata(change.metadata),
    }
    await tx.saveOwner(owner, next)
    tx.record({ action: 'owner.updated', projectId: owner.projectId, environment: null })
    return next
  })
  return value
}
