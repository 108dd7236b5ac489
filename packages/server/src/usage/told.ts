/** Until when each process has told all uses, also while there are none: a row that no decision trusts (T-29). */
import type { Domain } from '../domain.ts'
import type { BootId } from '../ids.ts'
import type { UseEmitter } from '../storage/records.ts'
import type { Reader } from '../storage/store.ts'

/** How often it is written. */
export const USES_TOLD_EVERY_MS = 60_000
/** A process that has not written it for so long is taken for dead: it misses four in a row. */
export const USES_TOLD_MS_MAX = 5 * USES_TOLD_EVERY_MS

/** Writes that this process has stored every use until a time, epoch milliseconds. */
export async function tellUses({ store }: Pick<Domain, 'store'>, boot: BootId, until: number): Promise<void> {
  await store.saveCursor(nameOf(boot), { at: until, after: '' })
}

/** Until when a process has stored every use. */
export async function usesToldAt(reader: Pick<Reader, 'jobCursor'>, emitter: UseEmitter): Promise<number> {
  if (emitter.closedAt !== null) return emitter.closedAt
  const cursor = await reader.jobCursor(nameOf(emitter.id))
  return Math.max(cursor?.at ?? 0, emitter.lastFlushAt ?? emitter.createdAt)
}

function nameOf(boot: BootId): string {
  return `uses-told:${boot}`
}
