/** Between import sources, what keys keep of an import, and their rows; as rows.ts, which seals and opens them. */
import type { Environment } from '@keystead/protocol/api-key'
import type { ImportSourceId, ProjectId } from '../ids.ts'
import type { ImportAlgorithm, Imported, ImportSource, LookupRule } from './records.ts'
import type { Codec } from './rows.ts'
import type { ApiKeyTable, ImportSourceTable } from './tables.ts'

export const IMPORT_SOURCE: Codec<ImportSourceTable, ImportSource> = {
  table: 'import_source',
  idPrefix: 'ims_',
  columns: [
    'id',
    'version',
    'created_at',
    'project_id',
    'environment',
    'name',
    'algorithm',
    'lookup',
    'hashes',
    'secret',
  ],
  toRow: (record) => ({
    id: record.id,
    version: record.version,
    created_at: record.createdAt,
    project_id: record.projectId,
    environment: record.environment,
    name: record.name,
    algorithm: record.algorithm,
    lookup: record.lookup === null ? null : JSON.stringify(record.lookup),
    hashes: record.hashes,
    secret: record.secret,
  }),
  fromRow: (row) => ({
    id: row.id as ImportSourceId,
    version: row.version,
    createdAt: row.created_at,
    projectId: row.project_id as ProjectId,
    environment: row.environment as Environment,
    name: row.name,
    algorithm: row.algorithm as ImportAlgorithm,
    lookup: JSON.parse(row.lookup ?? 'null') as LookupRule | null,
    hashes: row.hashes as ImportSource['hashes'],
    secret: row.secret,
  }),
}

/** Null for a key that was issued here. */
export function importedFromRow(row: ApiKeyTable): Imported | null {
  const { import_source_id: sourceId, import_ref: ref, import_hash: hash } = row
  if (sourceId === null || ref === null) return null
  return { sourceId: sourceId as ImportSourceId, ref, hash, upgradedIn: row.import_upgraded_in }
}
