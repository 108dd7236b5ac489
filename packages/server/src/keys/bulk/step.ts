import type { RevocationReason } from '@keystead/protocol/lifecycle'
import type { AuditAction } from '@keystead/protocol/audit-actions'
import type { Domain } from '../../domain.ts'
import { DomainError } from '../../errors.ts'
import { newId } from '../../ids.ts'
import type { ApiKey, BulkItem, BulkOperation } from '../../storage/records.ts'
import type { DetailValue, Provenance, RecordedEvent, Transaction } from '../../storage/store.ts'
import { conclude, isTouched, putBack, take } from './change.ts'
import { isInScope } from './select.ts'

/** Keys in one transaction: a leaf names at most 64 targets, and two of them are the operation and its chunk. */
export const KEYS_PER_CHUNK = 62

/** The next keys of a walk: `position` is where to go on, `isLast` says that nothing is left. */
export interface KeyChunk {
  readonly keyIds: readonly string[]
  readonly position: string | null
  readonly isLast: boolean
}

/**
 * Takes the next keys, in one transaction: each is read again and left alone if it is not meant any more. Answers with
 * the operation as it is then; null when somebody else has moved it on meanwhile, and nothing was done.
 */
export async function takeChunk(
  domain: Domain,
  provenance: Provenance,
  seen: BulkOperation,
  chunk: KeyChunk,
): Promise<BulkOperation | null> {
  const { value } = await domain.store.transact(provenance, async (tx) => {
    const operation = await unchanged(tx, seen)
    if (operation === null) return null
    const now = domain.clock()
    const items: BulkItem[] = []
    for (const id of chunk.keyIds) {
      const item = await takeKey(tx, operation, id, now)
      if (item !== null) items.push(item)
    }
    if (items.length > 0) {
      const number = operation.chunks + 1
      const bulkChunk = newId('bulkChunk', domain.clock, domain.random)
      await tx.saveBulkChunk({
        ...{ id: bulkChunk, version: 1, createdAt: now },
        ...{ operationId: operation.id, number, items },
      })
    }
    return await saveProgress(tx, operation, 'bulk_operation.applied', {
      changed: operation.changed + items.length,
      skipped: operation.skipped + chunk.keyIds.length - items.length,
      chunks: operation.chunks + (items.length > 0 ? 1 : 0),
      position: chunk.isLast ? null : chunk.position,
      phase: chunk.isLast ? phaseAfterRunning(operation) : 'running',
    })
  })
  return value
}

/**
 * Concludes or puts back the keys of the next chunk, in one transaction; a key that somebody has touched since stays as
 * they made it. Answers as takeChunk does. `storage.integrity` when the chunk is not there.
 */
export async function settleChunk(
  domain: Domain,
  provenance: Provenance,
  seen: BulkOperation,
): Promise<BulkOperation | null> {
  const undoing = seen.phase === 'undoing'
  const number = Number(seen.position ?? 0) + 1
  const hasMore = number <= seen.chunks && (undoing || seen.action === 'revoke')
  const chunk = hasMore ? await domain.store.reader.bulkChunk(seen.id, number) : null
  if (hasMore && chunk === null) throw new DomainError('storage.integrity')
  const { value } = await domain.store.transact(provenance, async (tx) => {
    const operation = await unchanged(tx, seen)
    if (operation === null) return null
    let settled = 0
    const items = chunk?.items ?? []
    for (const item of items) if (await settleKey(tx, operation, item, domain.clock())) settled += 1
    const isLast = !hasMore || number === operation.chunks
    const end = undoing ? 'undone' : 'done'
    const action = undoing ? 'bulk_operation.undone' : 'bulk_operation.concluded'
    return await saveProgress(tx, operation, action, {
      settled: operation.settled + settled,
      kept: operation.kept + items.length - settled,
      position: isLast ? null : String(number),
      phase: isLast ? end : undoing ? 'undoing' : 'concluding',
    })
  })
  return value
}

/** Saves what has become of the operation and records it; every step's last act. */
export async function saveProgress(
  tx: Transaction,
  operation: BulkOperation,
  action: AuditAction,
  change: Partial<BulkOperation>,
): Promise<BulkOperation> {
  const next: BulkOperation = { ...operation, ...change, version: operation.version + 1 }
  await tx.saveBulkOperation(operation, next)
  tx.record(eventOf(next, action, { changed: next.changed, settled: next.settled, kept: next.kept }))
  return next
}

/** What the log says of an operation: never the query, whose name prefix is a user's text. */
export function eventOf(
  operation: BulkOperation,
  action: AuditAction,
  details: Readonly<Record<string, DetailValue>>,
): RecordedEvent {
  const { projectId, environment, phase, requestedBy, skipped, parameters } = operation
  const reason: RevocationReason | null =
    operation.action === 'revoke' ? (parameters.reason ?? 'unspecified') : null
  return {
    action,
    projectId,
    environment,
    reason,
    details: { bulkAction: operation.action, phase, requestedBy, skipped, ...details },
  }
}

function phaseAfterRunning({ undoUntil }: BulkOperation): 'waiting' | 'done' {
  return undoUntil === null ? 'done' : 'waiting'
}

async function unchanged(tx: Transaction, seen: BulkOperation): Promise<BulkOperation | null> {
  const operation = await tx.bulkOperation(seen.id)
  return operation?.version === seen.version ? operation : null
}

async function takeKey(
  tx: Transaction,
  operation: BulkOperation,
  id: string,
  now: number,
): Promise<BulkItem | null> {
  const key = await authenticKey(tx, id)
  if (key === null || !isInScope(operation, key)) return null
  const taken = take(key, operation, now)
  if (typeof taken === 'string') return null
  if (taken.next !== null) await tx.saveKey(key, taken.next)
  const { version } = taken.next ?? key
  return { keyId: key.id, version, changed: taken.next !== null, before: taken.before }
}

async function settleKey(
  tx: Transaction,
  operation: BulkOperation,
  item: BulkItem,
  now: number,
): Promise<boolean> {
  const key = await authenticKey(tx, item.keyId)
  if (key === null || isTouched(key, item)) return false
  const next = operation.phase === 'undoing' ? putBack(key, operation, item) : conclude(key, operation, now)
  if (next === null) return false
  await tx.saveKey(key, next)
  return true
}

/** A row that was changed outside Keystead is refused, everywhere and with an alarm: it must not stop all others. */
async function authenticKey(tx: Transaction, id: string): Promise<ApiKey | null> {
  try {
    return await tx.key(id)
  } catch (error) {
    if (error instanceof DomainError && error.code === 'storage.integrity') return null
    throw error
  }
}
