import type { Action } from '../access/actions.ts'
import { type Authorized, isWithin } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import type { ProjectId } from '../ids.ts'
import type { Page, Role } from '../storage/records.ts'
import type { PageRequest } from '../storage/store.ts'

/** The role if it lies within the caller's reach; `role.not_found` otherwise. */
export function requireRole(role: Role | null, by: Authorized<Action>): Role {
  if (role === null || !isWithin(by.reach, { projectId: role.projectId }))
    throw new DomainError('role.not_found')
  return role
}

/** One role. `role.not_found` outside the caller's reach. */
export async function getRole(domain: Domain, by: Authorized<'roles:read'>, id: string): Promise<Role> {
  return requireRole(await domain.store.reader.role(id), by)
}

/** Roles within the caller's reach, oldest first. */
export async function listRoles(
  domain: Domain,
  by: Authorized<'roles:read'>,
  filter: { readonly projectId?: string },
  page: PageRequest,
): Promise<Page<Role>> {
  const projectId = (filter.projectId ?? by.reach.projectId) as ProjectId | null
  if (!isWithin(by.reach, { projectId })) return { items: [], nextCursor: null }
  return domain.store.reader.roles(projectId, page)
}
