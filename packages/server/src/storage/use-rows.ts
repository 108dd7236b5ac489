/** Between what is known of the use of keys and its rows; as rows.ts, which seals and opens those that are sealed. */
import type { Environment } from '@keystead/protocol/api-key'
import type { VerificationCode } from '@keystead/protocol/decision'
import type { BootId } from '../ids.ts'
import type { UseCount, UseEmitter, UsePeriod, UseRollUp, UseSegment } from './records.ts'
import type { Codec } from './rows.ts'
import type { UseCountTable, UseEmitterTable, UseSegmentTable } from './tables.ts'

export const USE_EMITTER: Codec<UseEmitterTable, UseEmitter> = {
  table: 'use_emitter',
  idPrefix: 'boot_',
  columns: [
    'id',
    'version',
    'created_at',
    'node',
    'state',
    'last_flush_at',
    'closed_at',
    'batches',
    'records',
    'dropped',
  ],
  toRow: (record) => ({
    id: record.id,
    version: record.version,
    created_at: record.createdAt,
    node: record.node,
    state: record.state,
    last_flush_at: record.lastFlushAt,
    closed_at: record.closedAt,
    batches: record.batches,
    records: record.records,
    dropped: record.dropped,
  }),
  fromRow: (row) => ({
    id: row.id as BootId,
    version: row.version,
    createdAt: row.created_at,
    node: row.node,
    state: row.state as UseEmitter['state'],
    lastFlushAt: row.last_flush_at,
    closedAt: row.closed_at,
    batches: row.batches,
    records: row.records,
    dropped: row.dropped,
  }),
}

/** The row of a segment whose records are in no count yet. */
export function segmentRow(segment: UseSegment): UseSegmentTable {
  return {
    boot: segment.boot,
    batch_number: segment.batchNumber,
    from_at: segment.from,
    to_at: segment.to,
    count: segment.count,
    dropped: segment.dropped,
    rolled_up: 0,
    bytes: segment.bytes,
  }
}

export function segmentHead(row: Omit<UseSegmentTable, 'bytes' | 'rolled_up'>): Omit<UseSegment, 'bytes'> {
  return {
    boot: row.boot as BootId,
    batchNumber: row.batch_number,
    from: row.from_at,
    to: row.to_at,
    count: row.count,
    dropped: row.dropped,
  }
}

export function countRow(count: UseCount): UseCountTable {
  return {
    subject: count.subject,
    environment: count.environment ?? '',
    period: count.period,
    start_at: count.startAt,
    code: count.code,
    count: count.count,
  }
}

export function countOf(row: UseCountTable): UseCount {
  return {
    subject: row.subject,
    environment: row.environment === '' ? null : (row.environment as Environment),
    period: row.period as UsePeriod,
    startAt: row.start_at,
    code: row.code as VerificationCode,
    count: row.count,
  }
}

/** How the one row of use_roll_up keeps what it is about. */
export function segmentsText(segments: UseRollUp['segments']): string {
  return JSON.stringify(segments.map(({ boot, batchNumber }) => [boot, batchNumber]))
}

export function segmentsOf(text: string): UseRollUp['segments'] {
  return (JSON.parse(text) as [BootId, number][]).map(([boot, batchNumber]) => ({ boot, batchNumber }))
}
