import type { Environment } from '@keystead/protocol/api-key'
import type { Domain } from '../domain.ts'
import { newId, type OwnerId, type ProjectId, type RoleId } from '../ids.ts'
import type { ApiKey } from '../storage/records.ts'

/** What a caller says of a key that is to be there. Times are epoch milliseconds. */
export interface KeyDescription {
  readonly name?: string
  readonly permissions?: readonly string[]
  /** Ids of roles of the project. */
  readonly roles?: readonly string[]
  /** Ranges as people write them; none: any address. */
  readonly allowedAddresses?: readonly string[]
  readonly notBefore?: number
  readonly expiresAt?: number
}

export interface KeyToAdd extends KeyDescription {
  readonly kind: 'key' | 'root'
  readonly projectId: ProjectId | null
  readonly environment: Environment | null
  readonly ownerId: OwnerId | null
  readonly roles?: readonly RoleId[]
}

/** The record of a key that is not stored yet, with its first version. NOT checked: rights and times. */
export function newKey(
  domain: Pick<Domain, 'brand' | 'clock' | 'random'>,
  input: KeyToAdd,
  {
    locator,
    digest,
    createdAt,
  }: { readonly locator: string; readonly digest: string; readonly createdAt?: number },
): ApiKey {
  const now = domain.clock()
  const { kind, projectId, environment, ownerId } = input
  return {
    ...{ id: newId('key', domain.clock, domain.random), version: 1, createdAt: now },
    ...{ brand: domain.brand, kind, projectId, environment, locator, ownerId },
    name: input.name ?? '',
    permissions: input.permissions ?? [],
    roles: input.roles ?? [],
    allowedAddresses: input.allowedAddresses ?? [],
    notBefore: input.notBefore ?? null,
    expiresAt: input.expiresAt ?? null,
    state: (input.notBefore ?? 0) > now ? 'pre-active' : 'active',
    revokedAt: null,
    revocationReason: null,
    versions: [{ number: 1, digest, createdAt: createdAt ?? now, acceptedUntil: null }],
    destroyAt: null,
    imported: null,
  }
}
