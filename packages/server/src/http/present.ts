import assert from 'node:assert'
import type { Static } from 'typebox'
import type { Issued } from '../keys/issue.ts'
import type { Revoked } from '../keys/revoke.ts'
import type { Rotated } from '../keys/rotate.ts'
import { visibleState } from '../keys/state.ts'
import type { ApiKey, KeyUse, Role } from '../storage/records.ts'
import type { PageRequest } from '../storage/store.ts'
import {
  type IssuedSchema,
  type KeySchema,
  PAGE_LIMIT_DEFAULT,
  type RevokedSchema,
  type RoleSchema,
  type RotatedSchema,
} from './schemas.ts'

/** A role as the API shows it. */
export function presentRole(role: Role): Static<typeof RoleSchema> {
  return { ...role, permissions: [...role.permissions] }
}

/** A key as the API shows it: never a digest, never a secret. */
export function presentKey(key: ApiKey, uses: readonly KeyUse[], now: number): Static<typeof KeySchema> {
  const valid = uses.filter((use) => use.code === 'VALID')
  return {
    ...key,
    permissions: [...key.permissions],
    roles: [...key.roles],
    allowedAddresses: [...key.allowedAddresses],
    state: visibleState(key, now),
    imported:
      key.imported === null
        ? null
        : { sourceId: key.imported.sourceId, upgraded: key.imported.upgradedIn !== null },
    versions: key.versions.map(({ number, createdAt, acceptedUntil }) => ({
      number,
      createdAt,
      acceptedUntil,
    })),
    lastUsedAt: valid.length === 0 ? null : Math.max(...valid.map((use) => use.lastAt)),
    uses: uses.map(({ versionNumber, code, count, lastAt }) => ({ versionNumber, code, count, lastAt })),
  }
}

/** The answer that carries a key's text, once. */
export function presentIssued(
  { key, secret }: Issued,
  uses: readonly KeyUse[],
  now: number,
): Static<typeof IssuedSchema> {
  return { key: presentKey(key, uses, now), secret: secret.reveal(), secretAvailable: true }
}

/** As presentIssued, with the end of the overlap. */
export function presentRotated(
  rotated: Rotated,
  uses: readonly KeyUse[],
  now: number,
): Static<typeof RotatedSchema> {
  return { ...presentIssued(rotated, uses, now), previousAcceptedUntil: rotated.previousAcceptedUntil }
}

/** A revocation with its position in the log. */
export function presentRevoked(
  { key, position }: Revoked,
  uses: readonly KeyUse[],
  now: number,
): Static<typeof RevokedSchema> {
  assert(position !== null, 'a revocation is always recorded')
  return { key: presentKey(key, uses, now), position }
}

/** The page that a query asks for. */
export function pageRequest(query: { readonly limit?: number; readonly cursor?: string }): PageRequest {
  return { limit: query.limit ?? PAGE_LIMIT_DEFAULT, cursor: query.cursor ?? null }
}
