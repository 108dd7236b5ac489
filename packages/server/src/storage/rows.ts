/** Between the records of the program and the rows of the tables; the only place that seals a row or opens one. */
import assert from 'node:assert'
import type { Environment, KeyKind } from '@keystead/protocol/api-key'
import { equalInConstantTime } from '@keystead/protocol/constant-time'
import type { KeyState, TargetType } from '@keystead/protocol/lifecycle'
import { DomainError } from '../errors.ts'
import type { EnvironmentId, InstallationId, KeyId, OwnerId, ProjectId, RoleId } from '../ids.ts'
import {
  type ApiKey,
  currentVersion,
  DEFAULT_POLICY,
  type EnvironmentPolicy,
  type Installation,
  type KeyVersion,
  overlapUntil,
  type Owner,
  type Project,
  type ProjectEnvironment,
  type Role,
} from './records.ts'
import { BULK_CHUNK, BULK_OPERATION } from './bulk-rows.ts'
import { IMPORT_SOURCE, importedFromRow } from './import-rows.ts'
import { USE_EMITTER } from './use-rows.ts'
import type { Integrity, RefusedRow } from './store.ts'
import type {
  ApiKeyTable,
  EnvironmentTable,
  InstallationTable,
  OwnerTable,
  ProjectTable,
  RoleTable,
} from './tables.ts'

export type SealedTable =
  | 'installation'
  | 'project'
  | 'environment'
  | 'owner'
  | 'role'
  | 'api_key'
  | 'import_source'
  | 'bulk_operation'
  | 'bulk_chunk'
  | 'use_emitter'

/** What the MAC needs to know of a table. */
interface Covered {
  readonly table: SealedTable
  readonly columns: readonly string[]
}

export interface StoredRow {
  readonly id: string
  readonly version: number
  readonly mac: string
}

/** How one sealed table maps to its records: the columns in the order in which the MAC covers them. */
export interface Codec<Row extends { mac: string }, Record> {
  readonly table: SealedTable
  /** How the ids of its rows begin (ids.ts). */
  readonly idPrefix: string
  readonly columns: readonly (keyof Omit<Row, 'mac'> & string)[]
  readonly toRow: (record: Record) => Omit<Row, 'mac'>
  readonly fromRow: (row: Row) => Record
}

/**
 * The text that a row's MAC and its commitment in the log cover: JSON of the table's name and, by name and in a fixed
 * order, every column that is not null, but the MAC. A column that a later schema adds is null in the rows that were
 * there before, so their MACs and commitments stand.
 */
export function rowText(codec: Covered, row: object): string {
  const values = row as Readonly<Record<string, unknown>>
  const covered: Record<string, unknown> = {}
  for (const column of codec.columns) if (values[column] !== null) covered[column] = values[column]
  return JSON.stringify([codec.table, covered])
}

/** Whether the row's MAC holds: this installation wrote it, some time (T-05). */
export function isAuthentic(codec: Covered, row: StoredRow, rowMac: Integrity['rowMac']): boolean {
  return equalInConstantTime(rowMac(rowText(codec, row)), row.mac)
}

/**
 * Why a row is not the one with this id as it was committed last, or null: a row altered by SQL fails its MAC (T-05), an
 * old row put back the version (T-07).
 */
export function wrongWith(
  codec: Covered,
  row: StoredRow,
  id: string,
  rowMac: Integrity['rowMac'],
  committed: number | undefined,
): string | null {
  if (!isAuthentic(codec, row, rowMac)) return 'does not match its MAC'
  // A view or a rewritten index could answer with another genuine row.
  if (row.id !== id) return `has ${row.id} in its place`
  if (committed === row.version) return null
  return committed === undefined ? 'was never written by this server' : 'is an old one put back'
}

/** DomainError `storage.integrity` for a row that is not what was committed. */
export class RefusedRowError extends DomainError {
  constructor({ table, id, what }: RefusedRow) {
    super('storage.integrity', null, { cause: new Error(`row ${id} of table ${table} ${what}`) })
  }
}

const STORED = ['id', 'version', 'created_at'] as const

export const INSTALLATION: Codec<InstallationTable, Installation> = {
  table: 'installation',
  idPrefix: 'ins_',
  columns: [...STORED, 'epoch'],
  toRow: (record) => ({
    id: record.id,
    version: record.version,
    created_at: record.createdAt,
    epoch: record.epoch,
  }),
  fromRow: (row) => ({
    id: row.id as InstallationId,
    version: row.version,
    createdAt: row.created_at,
    epoch: row.epoch,
  }),
}

export const PROJECT: Codec<ProjectTable, Project> = {
  table: 'project',
  idPrefix: 'prj_',
  columns: [...STORED, 'name'],
  toRow: (record) => ({
    id: record.id,
    version: record.version,
    created_at: record.createdAt,
    name: record.name,
  }),
  fromRow: (row) => ({
    id: row.id as ProjectId,
    version: row.version,
    createdAt: row.created_at,
    name: row.name,
  }),
}

export const ENVIRONMENT: Codec<EnvironmentTable, ProjectEnvironment> = {
  table: 'environment',
  idPrefix: 'env_',
  columns: [...STORED, 'project_id', 'environment', 'policy'],
  toRow: (record) => ({
    id: record.id,
    version: record.version,
    created_at: record.createdAt,
    project_id: record.projectId,
    environment: record.environment,
    policy: record.policy === DEFAULT_POLICY ? null : JSON.stringify(record.policy),
  }),
  fromRow: (row) => ({
    id: row.id as EnvironmentId,
    version: row.version,
    createdAt: row.created_at,
    projectId: row.project_id as ProjectId,
    environment: row.environment as Environment,
    policy: row.policy === null ? DEFAULT_POLICY : (JSON.parse(row.policy) as EnvironmentPolicy),
  }),
}

export const OWNER: Codec<OwnerTable, Owner> = {
  table: 'owner',
  idPrefix: 'own_',
  columns: [...STORED, 'project_id', 'external_id', 'name', 'metadata'],
  toRow: (record) => ({
    id: record.id,
    version: record.version,
    created_at: record.createdAt,
    project_id: record.projectId,
    external_id: record.externalId,
    name: record.name,
    metadata: jsonOrNull(record.metadata),
  }),
  fromRow: (row) => ({
    id: row.id as OwnerId,
    version: row.version,
    createdAt: row.created_at,
    projectId: row.project_id as ProjectId,
    externalId: row.external_id,
    name: row.name,
    metadata: JSON.parse(row.metadata ?? '{}') as Record<string, string>,
  }),
}

export const ROLE: Codec<RoleTable, Role> = {
  table: 'role',
  idPrefix: 'rol_',
  columns: [...STORED, 'project_id', 'name', 'description', 'permissions', 'state'],
  toRow: (record) => ({
    id: record.id,
    version: record.version,
    created_at: record.createdAt,
    project_id: record.projectId,
    name: record.name,
    description: record.description,
    permissions: JSON.stringify(record.permissions),
    state: record.state,
  }),
  fromRow: (row) => ({
    id: row.id as RoleId,
    version: row.version,
    createdAt: row.created_at,
    projectId: row.project_id as ProjectId,
    name: row.name,
    description: row.description,
    permissions: JSON.parse(row.permissions) as string[],
    state: row.state as Role['state'],
  }),
}

export const API_KEY: Codec<ApiKeyTable, ApiKey> = {
  table: 'api_key',
  idPrefix: 'key_',
  columns: [
    ...STORED,
    'kind',
    'project_id',
    'environment',
    'owner_id',
    'brand',
    'locator',
    'name',
    'permissions',
    'roles',
    'allowed_addresses',
    'state',
    'not_before',
    'expires_at',
    'revoked_at',
    'revocation_reason',
    'versions',
    'rotated_at',
    'overlap_until',
    'destroy_at',
    'import_source_id',
    'import_ref',
    'import_hash',
    'import_upgraded_in',
  ],
  toRow: (record) => ({
    id: record.id,
    version: record.version,
    created_at: record.createdAt,
    kind: record.kind,
    project_id: record.projectId,
    environment: record.environment,
    owner_id: record.ownerId,
    brand: record.brand,
    locator: record.locator,
    name: record.name,
    permissions: JSON.stringify(record.permissions),
    roles: jsonOrNull(record.roles),
    allowed_addresses: jsonOrNull(record.allowedAddresses),
    state: record.state,
    not_before: record.notBefore,
    expires_at: record.expiresAt,
    revoked_at: record.revokedAt,
    revocation_reason: record.revocationReason,
    versions: JSON.stringify(
      record.versions.map((version) => [
        version.number,
        version.digest,
        version.createdAt,
        version.acceptedUntil,
      ]),
    ),
    overlap_until: overlapUntil(record),
    rotated_at: currentVersion(record)?.createdAt ?? record.createdAt,
    destroy_at: record.destroyAt,
    import_source_id: record.imported?.sourceId ?? null,
    import_ref: record.imported?.ref ?? null,
    import_hash: record.imported?.hash ?? null,
    import_upgraded_in: record.imported?.upgradedIn ?? null,
  }),
  fromRow: (row) => ({
    id: row.id as KeyId,
    version: row.version,
    createdAt: row.created_at,
    kind: row.kind as KeyKind,
    projectId: row.project_id as ProjectId | null,
    environment: row.environment as Environment | null,
    ownerId: row.owner_id as OwnerId | null,
    brand: row.brand,
    locator: row.locator,
    name: row.name,
    permissions: JSON.parse(row.permissions) as string[],
    roles: JSON.parse(row.roles ?? '[]') as RoleId[],
    allowedAddresses: JSON.parse(row.allowed_addresses ?? '[]') as string[],
    state: row.state as KeyState,
    notBefore: row.not_before,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    revocationReason: row.revocation_reason,
    versions: (JSON.parse(row.versions) as VersionRow[]).map(versionFromRow),
    destroyAt: row.destroy_at,
    imported: importedFromRow(row),
  }),
}

/** Null for what is empty, so that it takes no part in the row's text. */
function jsonOrNull(value: object): string | null {
  return Object.keys(value).length === 0 ? null : JSON.stringify(value)
}

/** What a changed object is called in the audit log. */
export function targetType(table: SealedTable, record: { readonly kind?: KeyKind }): TargetType {
  if (table === 'api_key') return record.kind === 'root' ? 'root_key' : 'api_key'
  return table
}

type VersionRow = [number: number, digest: string, createdAt: number, acceptedUntil: number | null]

function versionFromRow([number, digest, createdAt, acceptedUntil]: VersionRow): KeyVersion {
  return { number, digest, createdAt, acceptedUntil }
}

/** Every table whose rows carry a MAC. */
export const SEALED = [
  INSTALLATION,
  PROJECT,
  ENVIRONMENT,
  OWNER,
  ROLE,
  API_KEY,
  BULK_OPERATION,
  BULK_CHUNK,
  USE_EMITTER,
  IMPORT_SOURCE,
] as const
export type SealedCodec = (typeof SEALED)[number]

/** The record in a row whose MAC holds. */
export function recordOf(codec: SealedCodec, row: StoredRow): unknown {
  return (codec.fromRow as (row: StoredRow) => unknown)(row)
}

/** The table of an object by its id. */
export function codecOfId(id: string): SealedCodec {
  const codec = SEALED.find(({ idPrefix }) => id.startsWith(idPrefix))
  assert(codec !== undefined, 'an id of no sealed table')
  return codec
}

/** The table that keeps the objects which the log calls by this type. */
export function codecOf(type: TargetType): SealedCodec {
  if (type === 'api_key' || type === 'root_key') return API_KEY
  return {
    installation: INSTALLATION,
    project: PROJECT,
    environment: ENVIRONMENT,
    owner: OWNER,
    role: ROLE,
    bulk_operation: BULK_OPERATION,
    bulk_chunk: BULK_CHUNK,
    use_emitter: USE_EMITTER,
    import_source: IMPORT_SOURCE,
  }[type]
}
