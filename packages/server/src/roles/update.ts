import { type Authorized, requireEveryEnvironment } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import type { Role } from '../storage/records.ts'
import { requireRole } from './read.ts'

export interface RoleChange {
  readonly description?: string
  readonly permissions?: readonly string[]
}

/**
 * Changes what a role gives: every key that has it is judged by that from the next verification on, in all environments
 * of the project, so a credential that is bound to one may not (T-27). `role.not_found`, `role.deactivated`,
 * `access.denied`.
 */
export async function updateRole(
  domain: Domain,
  by: Authorized<'roles:update'>,
  id: string,
  change: RoleChange,
): Promise<Role> {
  return changeRole(domain, by, id, 'role.updated', (role) => ({
    ...role,
    description: change.description ?? role.description,
    permissions: change.permissions ?? role.permissions,
  }))
}

/** Ends a role for ever: it grants and denies nothing any more, and no key can be given it. Errors as updateRole. */
export async function deactivateRole(
  domain: Domain,
  by: Authorized<'roles:deactivate'>,
  id: string,
): Promise<Role> {
  return changeRole(domain, by, id, 'role.deactivated', (role) => ({ ...role, state: 'deactivated' }))
}

async function changeRole(
  domain: Domain,
  by: Authorized<'roles:update'> | Authorized<'roles:deactivate'>,
  id: string,
  action: 'role.updated' | 'role.deactivated',
  change: (role: Role) => Role,
): Promise<Role> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const role = requireRole(await tx.role(id), by)
    requireEveryEnvironment(by)
    if (role.state !== 'active') throw new DomainError('role.deactivated')
    const next = { ...change(role), version: role.version + 1 }
    await tx.saveRole(role, next)
    tx.record({
      action,
      projectId: role.projectId,
      environment: null,
      details: {
        permissionsAdded: next.permissions.filter((permission) => !role.permissions.includes(permission)),
        permissionsRemoved: role.permissions.filter((permission) => !next.permissions.includes(permission)),
      },
    })
    return next
  })
  return value
}
