import { isInRanges, parseAddress, parseAddressRange } from '@keystead/protocol/address'
import { type AuditEvent, parseAuditEvent } from '@keystead/protocol/audit-event'
import { compileGrants, EFFECTIVE_PERMISSIONS_MAX } from '@keystead/protocol/permission'
import { parsePermissionQuery, satisfies } from '@keystead/protocol/permission-query'
import type { Store } from '../packages/server/src/storage/store.ts'

/** What the log says of one key. */
interface Logged {
  projectId: string | null
  environment: string | null
  state: string
  permissions: readonly string[]
  roles: readonly string[]
  addresses: readonly string[]
  expiresAt: number | null
  version: number
  /** Until when each earlier version is accepted, epoch ms. */
  readonly until: Map<number, number>
}

interface Asked {
  readonly keyId: string
  /** Which version of the key the presented text is. */
  readonly version: number
  readonly permission: string | null
  readonly address: string | null
  readonly environment: string
  readonly projectId: string
  readonly now: number
}

/**
 * Says what may be answered, from the log alone as an auditor has it: none of the program's rows, records or index. It
 * knows the events that the scene makes. A key that the log calls pre-active is taken as not yet usable, since the log
 * does not say from when on it is.
 */
export class LogOracle {
  readonly #keys = new Map<string, Logged>()
  readonly #roles = new Map<string, readonly string[]>()

  static async read(store: Store): Promise<LogOracle> {
    const oracle = new LogOracle()
    const { size } = store.head()
    for (const { bytes } of await store.reader.auditEntries(0, size)) oracle.#add(parseAuditEvent(bytes))
    return oracle
  }

  /** Whether the log justifies VALID. */
  justifies({ keyId, version, permission, address, environment, projectId, now }: Asked): boolean {
    const key = this.#keys.get(keyId)
    if (key === undefined || key.state !== 'active') return false
    if (key.projectId !== projectId || key.environment !== environment) return false
    if (key.expiresAt !== null && now >= key.expiresAt) return false
    if (version !== key.version && now >= (key.until.get(version) ?? 0)) return false
    if (key.addresses.length > 0 && !isAllowed(key.addresses, address)) return false
    const lists = [key.permissions, ...key.roles.map((id) => this.#roles.get(id) ?? [])]
    const { query } = parsePermissionQuery(permission ?? 'nothing:asked')
    const grants = compileGrants([...new Set(lists.flat())], EFFECTIVE_PERMISSIONS_MAX)
    return permission === null || (query !== null && satisfies(grants, query))
  }

  #add(event: AuditEvent): void {
    for (const { type, id, state } of event.targets) {
      if (type === 'role') this.#roles.set(id, changed(this.#roles.get(id) ?? [], event.details))
      if (type !== 'api_key' && type !== 'root_key') continue
      const known = this.#keys.get(id)
      const key: Logged = known ?? {
        ...{ projectId: event.project, environment: event.environment, state: '' },
        ...{ permissions: [], roles: [], addresses: [], expiresAt: null, version: 1, until: new Map() },
      }
      this.#keys.set(id, key)
      key.state = state[1]
      update(key, event)
    }
  }
}

function update(key: Logged, { details }: AuditEvent): void {
  const { roles, allowedAddresses, expiresAt, versionNumber, previousAcceptedUntil } = details
  key.permissions = changed(key.permissions, details)
  if (roles !== undefined) key.roles = words(roles)
  if (allowedAddresses !== undefined) key.addresses = words(allowedAddresses)
  if (typeof expiresAt === 'number') key.expiresAt = expiresAt
  if (typeof versionNumber !== 'number') return
  if (typeof previousAcceptedUntil === 'number') key.until.set(key.version, previousAcceptedUntil)
  key.version = versionNumber
}

function changed(before: readonly string[], details: AuditEvent['details']): readonly string[] {
  const removed = words(details['permissionsRemoved'])
  const kept = before.filter((permission) => !removed.includes(permission))
  return [...kept, ...words(details['permissions']), ...words(details['permissionsAdded'])]
}

function words(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((word) => typeof word === 'string') : []
}

function isAllowed(ranges: readonly string[], asked: string | null): boolean {
  const address = asked === null ? null : parseAddress(asked)
  if (address === null) return false
  return isInRanges(
    ranges.flatMap((text) => parseAddressRange(text).range ?? []),
    address,
  )
}
