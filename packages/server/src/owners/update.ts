import { type Authorized, isWithin } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import type { Owner } from '../storage/records.ts'

/** Renames an owner. `owner.not_found` outside the caller's reach. */
export async function updateOwner(
  domain: Domain,
  by: Authorized<'owners:update'>,
  id: string,
  change: { readonly name?: string },
): Promise<Owner> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const owner = await tx.owner(id)
    if (owner === null || !isWithin(by.reach, { projectId: owner.projectId }))
      throw new DomainError('owner.not_found')
    const next: Owner = { ...owner, version: owner.version + 1, name: change.name ?? owner.name }
    await tx.saveOwner(owner, next)
    tx.record({ action: 'owner.updated', projectId: owner.projectId, environment: null })
    return next
  })
  return value
}
