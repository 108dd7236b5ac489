import type { AuditTarget } from '@keystead/protocol/audit-event'
import { equalBytes } from '@keystead/protocol/bytes'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { batchOf } from './batch.ts'
import { differenceFrom } from './load.ts'
import { LogError, LogFold } from './log-fold.ts'
import { codecOf, type StoredRow } from './rows.ts'
import type { Check, RefusedRow } from './store.ts'
import { sweep, type Swept } from './sweep.ts'

/** What is looked at between two turns of the loop: about a millisecond. */
const LEAVES_PER_SLICE = 100
const ROWS_PER_SLICE = 100

/**
 * Everything that can be found out from inside: a sweep, and then the whole log folded once more from its first leaf,
 * with each row compared with what the log last committed to, whatever memory says. See Store.check.
 */
export async function checkEverything(swept: Swept): Promise<Check> {
  const { rows, leaves, refused } = await sweep(swept)
  const found = new Map(refused.map((row) => [`${row.table} ${row.id}`, row]))
  const last = new Map<string, AuditTarget>()
  const logProblem = await foldLog(swept, last)
  for (const row of await differences(swept, last)) {
    const name = `${row.table} ${row.id}`
    if (found.has(name)) continue
    found.set(name, row)
    swept.onRefused(row)
  }
  return { rows, leaves, refused: [...found.values()], logProblem }
}

/** Folds the log up to the head; what is wrong with it, or null. `last` gets the last change of every object. */
async function foldLog(
  { reader, integrity, head }: Swept,
  last: Map<string, AuditTarget>,
): Promise<string | null> {
  const fold = new LogFold(integrity.isOurs)
  try {
    while (fold.size < head.size) {
      const count = Math.min(LEAVES_PER_SLICE, head.size - fold.size)
      const entries = await reader.auditEntries(fold.size, count)
      if (entries.length === 0) throw new LogError(`leaf ${fold.size} is missing`)
      for (const entry of entries) {
        const batch = await batchOf(entry, async (position) => reader.auditBatch(position))
        for (const target of fold.add(entry, batch)) last.set(target.id, target)
      }
      await nextTurn()
    }
  } catch (error) {
    if (error instanceof LogError) return error.message
    throw error
  }
  return equalBytes(fold.frontier.root(), head.root) ? null : 'its leaves have another root than memory'
}

async function differences(
  { db, integrity, versions }: Swept,
  last: ReadonlyMap<string, AuditTarget>,
): Promise<readonly RefusedRow[]> {
  const wrong: RefusedRow[] = []
  for (const [codec, targets] of Map.groupBy(last.values(), ({ type }) => codecOf(type))) {
    for (let from = 0; from < targets.length; from += ROWS_PER_SLICE) {
      const some = targets.slice(from, from + ROWS_PER_SLICE)
      const ids = some.map(({ id }) => id)
      const stored = await db.selectFrom(codec.table).selectAll().where('id', 'in', ids).execute()
      const rows = new Map<string, StoredRow>(stored.map((row) => [row.id, row]))
      for (const target of some) {
        const row = rows.get(target.id)
        const what = row === undefined ? 'is missing' : differenceFrom(target, codec, row, integrity)
        // What has been changed since the head was taken is the sweep's to judge.
        const isChanging =
          (row?.version ?? 0) > target.version || versions.versionOf(target.id) !== target.version
        if (what !== null && !isChanging) wrong.push({ table: codec.table, id: target.id, what })
      }
      await nextTurn()
    }
  }
  return wrong
}
