import type { Authorized } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import { newId } from '../ids.ts'
import { resolveProject } from '../projects/resolve.ts'
import type { Owner } from '../storage/records.ts'
import { requireMetadata } from './metadata.ts'

export interface NewOwner {
  readonly projectId?: string
  readonly externalId: string
  readonly name?: string
  readonly metadata?: Readonly<Record<string, string>>
}

/** Adds an owner to a project. `owner.exists` when the project has one with this external id; `owner.metadata_too_large`. */
export async function createOwner(
  domain: Domain,
  by: Authorized<'owners:create'>,
  input: NewOwner,
): Promise<Owner> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const projectId = await resolveProject(tx, by.reach, input.projectId)
    if ((await tx.ownerByExternalId(projectId, input.externalId)) !== null)
      throw new DomainError('owner.exists')
    const owner: Owner = {
      id: newId('owner', domain.clock, domain.random),
      version: 1,
      createdAt: domain.clock(),
      projectId,
      externalId: input.externalId,
      name: input.name ?? '',
      metadata: requireMetadata(input.metadata ?? {}),
    }
    await tx.saveOwner(null, owner)
    tx.record({ action: 'owner.created', projectId, environment: null })
    return owner
  })
  return value
}
