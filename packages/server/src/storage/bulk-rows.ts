/** Between bulk operations and their rows; as rows.ts, which seals and opens them. */
import type { Environment } from '@keystead/protocol/api-key'
import type { BulkChunkId, BulkOperationId, KeyId, ProjectId } from '../ids.ts'
import type {
  BulkAction,
  BulkChunk,
  BulkItem,
  BulkOperation,
  BulkParameters,
  BulkPhase,
  BulkQuery,
} from './records.ts'
import type { Codec } from './rows.ts'
import type { BulkChunkTable, BulkOperationTable } from './tables.ts'

export const BULK_OPERATION: Codec<BulkOperationTable, BulkOperation> = {
  table: 'bulk_operation',
  idPrefix: 'blk_',
  columns: [
    'id',
    'version',
    'created_at',
    'project_id',
    'environment',
    'action',
    'query',
    'parameters',
    'requested_by',
    'phase',
    'as_of',
    'log_size',
    'total',
    'changed',
    'skipped',
    'settled',
    'kept',
    'chunks',
    'position',
    'undo_until',
  ],
  toRow: (record) => ({
    id: record.id,
    version: record.version,
    created_at: record.createdAt,
    project_id: record.projectId,
    environment: record.environment,
    action: record.action,
    query: JSON.stringify(record.query),
    parameters: JSON.stringify(record.parameters),
    requested_by: record.requestedBy,
    phase: record.phase,
    as_of: record.asOf,
    log_size: record.logSize,
    total: record.total,
    changed: record.changed,
    skipped: record.skipped,
    settled: record.settled,
    kept: record.kept,
    chunks: record.chunks,
    position: record.position,
    undo_until: record.undoUntil,
  }),
  fromRow: (row) => ({
    id: row.id as BulkOperationId,
    version: row.version,
    createdAt: row.created_at,
    projectId: row.project_id as ProjectId,
    environment: row.environment as Environment | null,
    action: row.action as BulkAction,
    query: JSON.parse(row.query) as BulkQuery,
    parameters: JSON.parse(row.parameters) as BulkParameters,
    requestedBy: row.requested_by,
    phase: row.phase as BulkPhase,
    asOf: row.as_of,
    logSize: row.log_size,
    total: row.total,
    changed: row.changed,
    skipped: row.skipped,
    settled: row.settled,
    kept: row.kept,
    chunks: row.chunks,
    position: row.position,
    undoUntil: row.undo_until,
  }),
}

export const BULK_CHUNK: Codec<BulkChunkTable, BulkChunk> = {
  table: 'bulk_chunk',
  idPrefix: 'blc_',
  columns: ['id', 'version', 'created_at', 'operation_id', 'number', 'items'],
  toRow: (record) => ({
    id: record.id,
    version: record.version,
    created_at: record.createdAt,
    operation_id: record.operationId,
    number: record.number,
    items: JSON.stringify(
      record.items.map(({ keyId, version, changed, before }) => [keyId, version, changed, before]),
    ),
  }),
  fromRow: (row) => ({
    id: row.id as BulkChunkId,
    version: row.version,
    createdAt: row.created_at,
    operationId: row.operation_id as BulkOperationId,
    number: row.number,
    items: (JSON.parse(row.items) as BulkItemRow[]).map(itemFromRow),
  }),
}

type BulkItemRow = [keyId: KeyId, version: number, changed: boolean, before: BulkItem['before']]

function itemFromRow([keyId, version, changed, before]: BulkItemRow): BulkItem {
  return { keyId, version, changed, before }
}
