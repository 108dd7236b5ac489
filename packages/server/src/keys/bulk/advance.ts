import { SERVER } from '../../access/authorize.ts'
import type { Domain } from '../../domain.ts'
import { DomainError } from '../../errors.ts'
import type { BulkOperation } from '../../storage/records.ts'
import type { Provenance } from '../../storage/store.ts'
import { walkKeys } from './select.ts'
import { type KeyChunk, KEYS_PER_CHUNK, saveProgress, settleChunk, takeChunk } from './step.ts'

/** Transactions in one go, about half a second of work: then the server's other jobs, or its stop, have their turn. */
const CHUNKS_MAX = 50
/** More are not begun in one go; the oldest come first. */
const OPERATIONS_MAX = 10
/** A caller waits this long for all of it; the rest is done without them. */
const WAIT_MS_MAX = 10_000

/**
 * Goes on with the operations that have something to do, each where it was left, and answers whether keys are still
 * waiting to be taken or put back: what is suspended already has time. What is done is committed chunk by chunk, so it
 * may be stopped or killed anywhere. An operation that throws keeps none of the others from going on; the first such
 * error is thrown at the end.
 */
export async function continueBulkOperations(domain: Domain): Promise<boolean> {
  let left = CHUNKS_MAX
  const isOver = (): boolean => left-- <= 0
  let isUrgent = false
  const failures: unknown[] = []
  for (const operation of await domain.store.reader.dueBulkOperations(domain.clock(), OPERATIONS_MAX)) {
    try {
      const { phase } = await advance(domain, operation, SERVER, isOver)
      isUrgent ||= phase === 'running' || phase === 'undoing'
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
  return isUrgent
}

/** The store takes no changes now; what has been committed stands, and the jobs go on with it. */
const CANNOT_GO_ON: ReadonlySet<string> = new Set([
  'storage.unavailable',
  'storage.unconfirmed',
  'audit.halted',
  'server.overloaded',
])

/**
 * Moves on an operation whose beginning is committed, as far as whoever asked for it waits. It is never denied again: when
 * the store fails on the way, the answer is the operation as it began, and the jobs do the rest.
 */
export async function advanceForCaller(
  domain: Domain,
  begun: BulkOperation,
  provenance: Provenance,
): Promise<BulkOperation> {
  const until = domain.clock() + WAIT_MS_MAX
  try {
    return await advance(domain, begun, provenance, () => domain.clock() > until)
  } catch (error) {
    if (error instanceof DomainError && CANNOT_GO_ON.has(error.code)) return begun
    throw error
  }
}

/**
 * Moves the operation on until it waits or ends, or `isOver` says so before a chunk; answers with what it is then.
 * `failed` when a row of its own was changed outside Keystead: what it has suspended stays suspended.
 */
async function advance(
  domain: Domain,
  begun: BulkOperation,
  provenance: Provenance,
  isOver: () => boolean,
): Promise<BulkOperation> {
  let operation = begun
  let chunks: AsyncGenerator<KeyChunk, void> | null = null
  while (hasWork(operation, domain.clock()) && !isOver()) {
    let next: BulkOperation | null
    try {
      if (operation.phase === 'running') {
        chunks ??= keyChunks(domain, operation)
        const { value, done } = await chunks.next()
        next = await takeChunk(domain, provenance, operation, done === true ? NOTHING_LEFT : value)
      } else next = await settleChunk(domain, provenance, operation)
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'storage.integrity') throw error
      return await fail(domain, provenance, operation)
    }
    if (next !== null) operation = next
    else {
      // Somebody else has moved it on: go on from there, but leave an undo to who asked for it.
      const { phase } = operation
      operation = (await domain.store.reader.bulkOperation(operation.id)) ?? operation
      if (operation.phase !== phase) return operation
      chunks = null
    }
  }
  return operation
}

const NOTHING_LEFT: KeyChunk = { keyIds: [], position: null, isLast: true }

function hasWork({ phase, undoUntil }: BulkOperation, now: number): boolean {
  if (phase === 'waiting') return now >= (undoUntil ?? 0)
  return phase === 'running' || phase === 'concluding' || phase === 'undoing'
}

/** What is left of the walk, in chunks; never more keys than the operation named when it was started (T-30). */
async function* keyChunks(domain: Domain, operation: BulkOperation): AsyncGenerator<KeyChunk, void> {
  let left = operation.total - operation.changed - operation.skipped
  let keyIds: string[] = []
  for await (const { keys } of walkKeys(domain, operation, operation.position)) {
    for (const { id } of keys.slice(0, Math.max(0, left))) {
      keyIds.push(id)
      left -= 1
      if (keyIds.length < KEYS_PER_CHUNK) continue
      yield { keyIds, position: id, isLast: false }
      keyIds = []
    }
    if (left <= 0) break
  }
  yield { keyIds, position: null, isLast: true }
}

async function fail(domain: Domain, provenance: Provenance, seen: BulkOperation): Promise<BulkOperation> {
  const { value } = await domain.store.transact(provenance, async (tx) => {
    const operation = await tx.bulkOperation(seen.id)
    if (operation?.version !== seen.version) return operation
    return await saveProgress(tx, operation, 'bulk_operation.failed', { phase: 'failed' })
  })
  return value ?? seen
}
