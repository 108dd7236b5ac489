import type { Environment } from '@keystead/protocol/api-key'
import { type Authorized, requireEnvironment } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import { newId, type OwnerId, type ProjectId, type RoleId } from '../ids.ts'
import { resolveProject } from '../projects/resolve.ts'
import type { Secret } from '../secret.ts'
import type { ApiKey } from '../storage/records.ts'
import type { Transaction } from '../storage/store.ts'
import { mint, newLocator } from './mint.ts'
import { requireRanges, requireRoles } from './limits.ts'
import { requireSensibleTimes } from './times.ts'

export interface NewKey {
  readonly projectId?: string
  readonly environment: Environment
  readonly ownerId: string
  readonly name?: string
  readonly permissions: readonly string[]
  /** Ids of roles of the project. */
  readonly roles?: readonly string[]
  /** Ranges as people write them; none: any address. */
  readonly allowedAddresses?: readonly string[]
  readonly notBefore?: number
  readonly expiresAt?: number
}

export interface NewRootKey {
  /** Null: every project. Left out: as for every operation, the caller's project or the only one. */
  readonly projectId?: string | null
  /** Null: every environment. Left out: the caller's. */
  readonly environment?: Environment | null
  readonly name?: string
  readonly permissions: readonly string[]
  /** Required: a credential of operators does not live for ever. */
  readonly expiresAt: number
}

export interface Issued {
  readonly key: ApiKey
  /** Shown once, in this answer; it is stored nowhere. */
  readonly secret: Secret<string>
}

/**
 * Issues an API key to an owner. `owner.not_found` and `role.not_found` when they are not of the project,
 * `key.invalid_times`, `key.invalid_addresses`,
 * `project.not_found`, and `access.denied` for an environment that the credential is not bound to.
 */
export async function issueKey(
  domain: Domain,
  by: Authorized<'keys:create'>,
  input: NewKey,
): Promise<Issued> {
  requireEnvironment(by.reach, input.environment)
  if (input.permissions.length === 0 && (input.roles ?? []).length === 0)
    throw new DomainError('request.invalid', 'Give the key at least one permission or role.')
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const projectId = await resolveProject(tx, by.reach, input.projectId)
    const owner = await tx.owner(input.ownerId)
    if (owner?.projectId !== projectId) throw new DomainError('owner.not_found')
    const roles = await requireRoles(tx, projectId, input.roles ?? [])
    const allowedAddresses = requireRanges(input.allowedAddresses ?? [])
    const key = { ...input, kind: 'key', projectId, ownerId: owner.id, roles, allowedAddresses } as const
    const issued = await addKey(domain, tx, key)
    tx.record({
      action: 'key.created',
      projectId,
      environment: input.environment,
      details: {
        owner: owner.id,
        permissions: input.permissions,
        ...(roles.length === 0 ? {} : { roles }),
        ...(allowedAddresses.length === 0 ? {} : { allowedAddresses }),
        versionNumber: 1,
      },
    })
    return issued
  })
  return value
}

/**
 * Issues a root key to an operator's automation. It cannot reach further or do more than the caller:
 * `access.escalation` otherwise (T-09).
 */
export async function issueRootKey(
  domain: Domain,
  by: Authorized<'root-keys:create'>,
  input: NewRootKey,
): Promise<Issued> {
  if (!by.canGive(input.permissions)) throw new DomainError('access.escalation')
  const environment = input.environment === undefined ? by.reach.environment : input.environment
  if (by.reach.environment !== null && environment !== by.reach.environment)
    throw new DomainError('access.escalation')
  if (by.reach.projectId !== null && input.projectId === null) throw new DomainError('access.escalation')
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const projectId = input.projectId === null ? null : await resolveProject(tx, by.reach, input.projectId)
    const issued = await addKey(domain, tx, { ...input, kind: 'root', projectId, environment, ownerId: null })
    tx.record({
      action: 'root_key.created',
      projectId,
      environment,
      details: { permissions: input.permissions, versionNumber: 1 },
    })
    return issued
  })
  return value
}

interface KeyToAdd {
  readonly kind: 'key' | 'root'
  readonly projectId: ProjectId | null
  readonly environment: Environment | null
  readonly ownerId: OwnerId | null
  readonly name?: string
  readonly permissions: readonly string[]
  readonly roles?: readonly RoleId[]
  readonly allowedAddresses?: readonly string[]
  readonly notBefore?: number
  readonly expiresAt?: number
}

/** Saves a new key with its first version in an open transaction; the caller has authorized it and records the event. */
export async function addKey(domain: Domain, tx: Transaction, input: KeyToAdd): Promise<Issued> {
  const now = domain.clock()
  const times = { notBefore: input.notBefore ?? null, expiresAt: input.expiresAt ?? null }
  requireSensibleTimes(times, now)
  const named = {
    brand: domain.brand,
    kind: input.kind,
    environment: input.environment,
    locator: newLocator(domain.random),
  }
  const minted = mint(named, domain.random)
  const key: ApiKey = {
    ...named,
    ...times,
    id: newId('key', domain.clock, domain.random),
    version: 1,
    createdAt: now,
    projectId: input.projectId,
    ownerId: input.ownerId,
    name: input.name ?? '',
    permissions: input.permissions,
    roles: input.roles ?? [],
    allowedAddresses: input.allowedAddresses ?? [],
    state: times.notBefore !== null && times.notBefore > now ? 'pre-active' : 'active',
    revokedAt: null,
    revocationReason: null,
    versions: [{ number: 1, digest: minted.digest, createdAt: now, acceptedUntil: null }],
    destroyAt: null,
    imported: null,
  }
  await tx.saveKey(null, key)
  return { key, secret: minted.text }
}
