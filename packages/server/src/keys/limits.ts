import { formatAddressRange, parseAddressRange } from '@keystead/protocol/address'
import { DomainError, type FieldError } from '../errors.ts'
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
  const { ranges, errors } = readRanges(texts, '/body/allowedAddresses')
  if (errors.length > 0) throw new DomainError('key.invalid_addresses', null, { errors })
  return ranges
}

/** As requireRanges, with what is wrong as an answer. `path`: where the list stands in the request. */
export function readRanges(
  texts: readonly string[],
  path: string,
): { readonly ranges: readonly string[]; readonly errors: readonly FieldError[] } {
  const parsed = texts.map(parseAddressRange)
  return {
    ranges: [...new Set(parsed.flatMap(({ range }) => (range === null ? [] : [formatAddressRange(range)])))],
    errors: parsed.flatMap(({ problem }, i) =>
      problem === null ? [] : [{ path: `${path}/${i}`, message: problem }],
    ),
  }
}
