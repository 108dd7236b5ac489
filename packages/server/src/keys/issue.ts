import type { Environment } from '@keystead/protocol/api-key'
import { type Authorized, requireEnvironment } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import { resolveProject } from '../projects/resolve.ts'
import type { Secret } from '../secret.ts'
import type { ApiKey } from '../storage/records.ts'
import type { Transaction } from '../storage/store.ts'
import { mint, newLocator } from './mint.ts'
import { requireRanges, requireRoles } from './limits.ts'
import { type KeyDescription, type KeyToAdd, newKey } from './new-key.ts'
import { requireSensibleTimes } from './times.ts'

export interface NewKey extends KeyDescription {
  readonly projectId?: string
  readonly environment: Environment
  readonly ownerId: string
  readonly permissions: readonly string[]
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

/** Saves a new key with its first version in an open transaction; the caller has authorized it and records the event. */
export async function addKey(domain: Domain, tx: Transaction, input: KeyToAdd): Promise<Issued> {
  const times = { notBefore: input.notBefore ?? null, expiresAt: input.expiresAt ?? null }
  requireSensibleTimes(times, domain.clock())
  const locator = newLocator(domain.random)
  const { kind, environment } = input
  const minted = mint({ brand: domain.brand, kind, environment, locator }, domain.random)
  const key = newKey(domain, input, { locator, digest: minted.digest })
  await tx.saveKey(null, key)
  return { key, secret: minted.text }
}
