import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AuditAction } from '@keystead/protocol/audit-actions'
import { parseAuditEvent } from '@keystead/protocol/audit-event'
import { allows, compileGrants, EFFECTIVE_PERMISSIONS_MAX } from '@keystead/protocol/permission'
import type { Domain } from '../../domain.ts'
import { DomainError } from '../../errors.ts'
import { type ApiKey, type BulkOperation, currentVersion, type Role } from '../../storage/records.ts'
import type { KeyStep, Reader } from '../../storage/store.ts'
import { visibleState } from '../state.ts'

/** One operation's walk must end, and the ids that an actor touched are held in memory meanwhile (about 10 MB). */
export const KEYS_MAX = 100_000
/** Rows read between two turns of the loop: about 2 ms. */
const ROWS_PER_STEP = 200
const LEAVES_PER_STEP = 200

/** Which keys are meant. */
export type Scope = Pick<BulkOperation, 'projectId' | 'environment' | 'query' | 'asOf' | 'logSize'>

/**
 * Walks over the keys that are in scope, by id, from after one on; others get their turn between two steps. Every key
 * is an authentic record that `isInScope` holds for. `bulk_operation.too_many_keys` when a caller has touched more
 * than KEYS_MAX.
 */
export async function* walkKeys(domain: Domain, scope: Scope, after: string | null): AsyncGenerator<KeyStep> {
  const { reader } = domain.store
  const { query } = scope
  const selection = {
    projectId: scope.projectId,
    environment: scope.environment,
    ownerIds: query.ownerIds ?? null,
    ids: null,
    createdFrom: query.createdAfter ?? null,
    createdUntil: scope.asOf,
  }
  const roles = new Map<string, Role | null>()
  const inScope = async (step: KeyStep): Promise<KeyStep> => narrowed(reader, scope, roles, step)
  const ids = await idsOf(reader, scope)
  if (ids === null) {
    for (let cursor = after; ;) {
      const step = await reader.selectKeys(selection, cursor, ROWS_PER_STEP)
      yield await inScope(step)
      if (step.cursor === null) return
      cursor = step.cursor
      await nextTurn()
    }
  }
  const rest = after === null ? ids : ids.filter((id) => id > after)
  for (let from = 0; from < rest.length; from += ROWS_PER_STEP) {
    const some = rest.slice(from, from + ROWS_PER_STEP)
    const step = await reader.selectKeys({ ...selection, ids: some }, null, some.length)
    yield await inScope(step)
    await nextTurn()
  }
}

/**
 * Whether the key is one that is meant, by what it says itself; NOT looked at: `permission`, which depends on roles,
 * `unusedSince` and `touchedBy`.
 */
export function isInScope(scope: Scope, key: ApiKey): boolean {
  const { query, asOf } = scope
  const { ownerIds, keyIds, state, roleId, createdAfter, createdBefore, namePrefix, rotatedBefore } = query
  return (
    key.kind !== 'root' &&
    key.projectId === scope.projectId &&
    (scope.environment === null || key.environment === scope.environment) &&
    key.createdAt <= asOf &&
    (createdAfter === undefined || key.createdAt > createdAfter) &&
    (createdBefore === undefined || key.createdAt < createdBefore) &&
    (ownerIds === undefined || (key.ownerId !== null && ownerIds.includes(key.ownerId))) &&
    (keyIds === undefined || keyIds.includes(key.id)) &&
    (state === undefined || visibleState(key, asOf) === state) &&
    (roleId === undefined || key.roles.some((id) => id === roleId)) &&
    (namePrefix === undefined || key.name.startsWith(namePrefix)) &&
    (rotatedBefore === undefined || (currentVersion(key)?.createdAt ?? 0) < rotatedBefore)
  )
}

async function narrowed(
  reader: Reader,
  scope: Scope,
  roles: Map<string, Role | null>,
  step: KeyStep,
): Promise<KeyStep> {
  const { permission, unusedSince } = scope.query
  const keys: ApiKey[] = []
  for (const key of step.keys)
    if (isInScope(scope, key) && (await isAllowed(reader, roles, key, permission))) keys.push(key)
  if (unusedSince === undefined) return { ...step, keys }
  const uses = await reader.uses(keys.map((key) => key.id))
  const used = new Set(
    uses.filter((use) => use.code === 'VALID' && use.lastAt >= unusedSince).map((use) => use.keyId),
  )
  return { ...step, keys: keys.filter((key) => key.createdAt < unusedSince && !used.has(key.id)) }
}

/** As the decision sees it: with what the key's roles grant and deny. `roles` keeps those that were read. */
async function isAllowed(
  reader: Reader,
  roles: Map<string, Role | null>,
  key: ApiKey,
  permission: string | undefined,
): Promise<boolean> {
  if (permission === undefined) return true
  const permissions = new Set(key.permissions)
  for (const id of key.roles) {
    const role = roles.get(id) ?? (await reader.role(id))
    roles.set(id, role)
    if (role?.state === 'active') for (const granted of role.permissions) permissions.add(granted)
  }
  return allows(compileGrants([...permissions], EFFECTIVE_PERMISSIONS_MAX), permission)
}

/** The ids that the query names, directly or by what an actor did, in order; null when it names none. */
async function idsOf(reader: Reader, { query, logSize }: Scope): Promise<readonly string[] | null> {
  const named = query.keyIds === undefined ? null : [...new Set(query.keyIds)].toSorted()
  if (query.touchedBy === undefined) return named
  const touched = await touchedBy(reader, query.touchedBy, logSize)
  return named === null ? [...touched].toSorted() : named.filter((id) => touched.has(id))
}

/** What shows the caller a secret, or of an imported key what its secret can be guessed by if it is a weak one. */
const SHOWS_SECRET: readonly AuditAction[] = ['key.created', 'key.rotated', 'key.imported']

/** The index only leads to leaves: what counts is what a leaf that we wrote says itself (T-30). */
async function touchedBy(reader: Reader, actorId: string, below: number): Promise<ReadonlySet<string>> {
  const touched = new Set<string>()
  for (let from: number | null = 0; from !== null;) {
    const { entries, next } = await reader.auditEntriesBy(
      actorId,
      SHOWS_SECRET,
      { from, below },
      LEAVES_PER_STEP,
    )
    for (const entry of entries) {
      const event = parseAuditEvent(entry.bytes)
      if (event.actor.id !== actorId || !SHOWS_SECRET.includes(event.action)) continue
      for (const { type, id } of await reader.auditTargets(entry)) if (type === 'api_key') touched.add(id)
      if (touched.size > KEYS_MAX) throw new DomainError('bulk_operation.too_many_keys')
    }
    from = next
    await nextTurn()
  }
  return touched
}
