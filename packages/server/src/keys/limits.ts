import { formatAddressRange, parseAddressRange } from '@keystead/protocol/address'
import { DomainError } from '../errors.ts'
import type { ProjectId, RoleId } from '../ids.ts'
import type { Transaction } from '../storage/store.ts'

/** The ids of roles that a key of this project may be given; `role.not_found` for any other, and for one that has ended. */
export async function requireRoles(
  tx: Transaction,
  projectId: ProjectId | null,
  ids: readonly string[],
): Promise<readonly RoleId[]> {
  const roles: RoleId[] = []
  for (const id of ids) {
    const role = await tx.role(id)
    if (role?.projectId !== projectId || role.state !== 'active') throw new DomainError('role.not_found')
    roles.push(role.id)
  }
  return roles
}

/** Ranges in the one form in which they are stored, each once; `key.invalid_addresses` naming each that is none. */
export function requireRanges(texts: readonly string[]): readonly string[] {
  const parsed = texts.map(parseAddressRange)
  const errors = parsed.flatMap(({ problem }, i) =>
    problem === null ? [] : [{ path: `/body/allowedAddresses/${i}`, message: problem }],
  )
  if (errors.length > 0) throw new DomainError('key.invalid_addresses', null, { errors })
  return [...new Set(parsed.flatMap(({ range }) => (range === null ? [] : [formatAddressRange(range)])))]
}
