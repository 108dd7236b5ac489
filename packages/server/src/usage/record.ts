import { type UseBatch, USE_PAGE_RECORDS } from '@keystead/protocol/use-batch'
import { SERVER } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import type { BootId } from '../ids.ts'
import type { UseEmitter } from '../storage/records.ts'

/** Who tells about uses: one run of a server process, by its name in the log. */
export interface Emitter {
  readonly boot: BootId
  readonly node: string
}

/** A batch that is complete and will not change. */
export interface CompleteBatch extends Omit<UseBatch, 'emitter' | 'boot' | 'pageRecords'> {
  readonly bytes: Uint8Array
}

/** An emitter that has told nothing yet. */
export function newEmitter({ boot, node }: Emitter, now: number): UseEmitter {
  return {
    id: boot,
    version: 1,
    createdAt: now,
    node,
    state: 'active',
    lastFlushAt: null,
    closedAt: null,
    ...{ batches: 0, records: 0, dropped: 0 },
  }
}

/**
 * Stores a batch of uses with the leaf that names it, once: a batch that an earlier try has stored after all is left
 * alone, so a try whose outcome is not known may be repeated.
 */
export async function recordUse(
  { store, clock }: Pick<Domain, 'store' | 'clock'>,
  emitter: Emitter,
  { bytes, ...batch }: CompleteBatch,
): Promise<void> {
  await store.transact(SERVER, async (tx) => {
    const { boot, node } = emitter
    const previous = await tx.useEmitter(boot)
    if (previous !== null && previous.batches >= batch.batchNumber) return
    const before = previous ?? newEmitter(emitter, clock())
    await tx.saveUseEmitter(previous, {
      ...before,
      version: previous === null ? 1 : previous.version + 1,
      lastFlushAt: clock(),
      batches: batch.batchNumber,
      records: before.records + batch.count,
      dropped: before.dropped + batch.dropped,
    })
    await tx.saveUseSegment({ ...batch, boot, bytes })
    const details: UseBatch = { ...batch, emitter: node, boot, pageRecords: USE_PAGE_RECORDS }
    tx.record({ action: 'use.recorded', projectId: null, environment: null, details })
  })
}

/** Says in the log that nothing comes after what was recorded: the process stops in order. */
export async function closeUse(
  { store, clock }: Pick<Domain, 'store' | 'clock'>,
  { boot }: Emitter,
): Promise<void> {
  await store.transact(SERVER, async (tx) => {
    const previous = await tx.useEmitter(boot)
    if (previous === null || previous.state === 'deactivated') return
    const { version, batches, records, dropped } = previous
    await tx.saveUseEmitter(previous, {
      ...previous,
      version: version + 1,
      state: 'deactivated',
      closedAt: clock(),
    })
    const details = { boot, batches, records, dropped }
    tx.record({ action: 'use.closed', projectId: null, environment: null, details })
  })
}
