import type { AuditTarget } from '@keystead/protocol/audit-event'
import { equalBytes } from '@keystead/protocol/bytes'
import { equalInConstantTime } from '@keystead/protocol/constant-time'
import type { Kysely } from 'kysely'
import { StartError } from '../errors.ts'
import { batchOf } from './batch.ts'
import { changedOutside, type Head } from './head.ts'
import { LogError, type LogFold } from './log-fold.ts'
import { noChanges, noteChange } from './changes.ts'
import { codecOf, isAuthentic, recordOf, rowText, type SealedCodec, type StoredRow } from './rows.ts'
import type { Changes, Integrity, Reader, RefusedRow } from './store.ts'
import type { Tables } from './tables.ts'

/** Rows that the start reads at a time: small pages die young, large ones grow the heap for good. */
const ROWS_PER_READ = 500
const LEAVES_PER_READ = 1_000

export interface Loading {
  readonly db: Kysely<Tables>
  readonly reader: Reader
  readonly integrity: Integrity
  /** What the last commit sealed; null for an empty database. */
  readonly head: Head | null
  /** Gets the records that are kept in memory, on the way. */
  readonly onLoaded: (changes: Changes) => void
  /** Gets each row that is not what the log says: it stays out of memory, and the start goes on without it (T-05). */
  readonly onRefused: (row: RefusedRow) => void
}

/**
 * Brings `fold` from where it is to the sealed head of the log, and then reads each row that changed on the way: its MAC
 * must hold, and it must be what the log last committed to. StartError when the log is not what this installation wrote.
 */
export async function loadState(loading: Loading, fold: LogFold): Promise<LogFold> {
  const { reader, head } = loading
  const size = head?.size ?? 0
  const changed = new Map<string, AuditTarget>()
  try {
    while (fold.size < size) {
      const entries = await reader.auditEntries(fold.size, Math.min(LEAVES_PER_READ, size - fold.size))
      if (entries.length === 0) throw new LogError(`leaf ${fold.size} is missing`)
      for (const entry of entries) {
        const batch = await batchOf(entry, async (position) => reader.auditBatch(position))
        for (const target of fold.add(entry, batch)) changed.set(target.id, target)
      }
    }
    if (((await reader.lastPosition()) ?? -1) >= size) throw new LogError(`leaf ${size} was added`)
    if (head !== null && !equalBytes(fold.frontier.root(), head.root))
      throw new LogError('its root is another')
  } catch (cause) {
    if (!(cause instanceof LogError)) throw cause
    throw new StartError(changedOutside(`the log is not what was written: ${cause.message}`), { cause })
  }
  const byTable = Map.groupBy(changed.values(), ({ type }) => codecOf(type))
  for (const [codec, targets] of byTable)
    for (let from = 0; from < targets.length; from += ROWS_PER_READ)
      await loadRows(loading, codec, targets.slice(from, from + ROWS_PER_READ))
  return fold
}

async function loadRows(
  { db, integrity, onLoaded, onRefused }: Loading,
  codec: SealedCodec,
  targets: readonly AuditTarget[],
): Promise<void> {
  const ids = targets.map(({ id }) => id)
  const stored = await db.selectFrom(codec.table).selectAll().where('id', 'in', ids).execute()
  const rows = new Map<string, StoredRow>(stored.map((row) => [row.id, row]))
  const good: StoredRow[] = []
  const bad: string[] = []
  for (const target of targets) {
    const row = rows.get(target.id)
    const what = row === undefined ? 'is missing' : differenceFrom(target, codec, row, integrity)
    if (row !== undefined && what === null) {
      good.push(row)
      continue
    }
    bad.push(target.id)
    onRefused({ table: codec.table, id: target.id, what: what ?? 'is missing' })
  }
  const changes = noChanges()
  for (const row of good) noteChange(changes, codec, recordOf(codec, row))
  changes.withdrawn.push(...bad)
  onLoaded(changes)
}

/** In which way a row is not what a leaf of the log committed to; null when it is exactly that. */
export function differenceFrom(
  target: AuditTarget,
  codec: SealedCodec,
  row: StoredRow,
  integrity: Integrity,
): string | null {
  if (!isAuthentic(codec, row, integrity.rowMac)) return 'does not match its MAC'
  if (row.version !== target.version) return `is version ${row.version}, the log says ${target.version}`
  const commitment = integrity.commitment(target, rowText(codec, row))
  return equalInConstantTime(target.commitment, commitment) ? null : 'is not the one that was logged'
}
