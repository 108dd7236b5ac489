import type { Authorized } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import { newId } from '../ids.ts'
import { resolveProject } from '../projects/resolve.ts'
import type { Role } from '../storage/records.ts'

export interface NewRole {
  readonly projectId?: string
  readonly name: string
  readonly description?: string
  readonly permissions: readonly string[]
}

/** Adds a role to a project. `role.exists` when the project has, or had, one of this name. */
export async function createRole(
  domain: Domain,
  by: Authorized<'roles:create'>,
  input: NewRole,
): Promise<Role> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const projectId = await resolveProject(tx, by.reach, input.projectId)
    if ((await tx.roleByName(projectId, input.name)) !== null) throw new DomainError('role.exists')
    const role: Role = {
      id: newId('role', domain.clock, domain.random),
      version: 1,
      createdAt: domain.clock(),
      projectId,
      name: input.name,
      description: input.description ?? '',
      permissions: input.permissions,
      state: 'active',
    }
    await tx.saveRole(null, role)
    tx.record({
      action: 'role.created',
      projectId,
      environment: null,
      details: { permissions: role.permissions },
    })
    return role
  })
  return value
}
