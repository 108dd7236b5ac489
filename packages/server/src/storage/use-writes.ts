import type { Compilable, Kysely } from 'kysely'
import type { KeyUse, UseCount, UsePeriod, UseRollUp } from './records.ts'
import type { Statements } from './statements.ts'
import type { UseSums } from './store.ts'
import type { Tables } from './tables.ts'
import { countRow, segmentsOf, segmentsText } from './use-rows.ts'

/** Rows of one statement: a few short statements let others have their turn, and few forms are compiled. */
const ROWS_PER_STATEMENT = 100

/** See Store.claimUses. */
export async function claimUses(statements: Statements, limit: number): Promise<UseRollUp | null> {
  const claimed = async (): Promise<UseRollUp | null> => {
    const build = (db: Kysely<Tables>) => db.selectFrom('use_roll_up').select(['segments', 'done'])
    const [row] = (await statements.run('use roll-up', build, [])).rows
    return row === undefined ? null : { segments: segmentsOf(row.segments), done: row.done }
  }
  const open = await claimed()
  if (open !== null) return open
  const build = (db: Kysely<Tables>) =>
    db
      .selectFrom('use_segment')
      .select(['boot', 'batch_number'])
      // Written out, so that the index of those that wait is used.
      .where((where) => where('rolled_up', '=', where.lit(0)))
      .orderBy('boot')
      .orderBy('batch_number')
      .limit(0)
  const { rows } = await statements.run('waiting segments', build, [limit])
  if (rows.length === 0) return null
  const segments = JSON.stringify(rows.map((row) => [row.boot, row.batch_number]))
  const insert = (db: Kysely<Tables>) =>
    db
      .insertInto('use_roll_up')
      .values({ id: 1, segments, done: 0 })
      .onConflict((conflict) => conflict.column('id').doNothing())
  await statements.run('claim segments', insert, [1, segments, 0])
  return claimed()
}

/** See Store.addUses. False, and nothing written, when the roll-up is not where `rollUp` says. */
export async function addUses(
  statements: Statements,
  { segments, done }: UseRollUp,
  { uses, counts, isLast }: UseSums,
): Promise<boolean> {
  const text = segmentsText(segments)
  const go = (db: Kysely<Tables>): Compilable =>
    isLast
      ? db.deleteFrom('use_roll_up').where('segments', '=', '').where('done', '=', 0)
      : db.updateTable('use_roll_up').set({ done: 0 }).where('segments', '=', '').where('done', '=', 0)
  const parameters = isLast ? [text, done] : [done + uses.length + counts.length, text, done]
  const { numAffectedRows } = await statements.run(`go on with roll-up ${isLast}`, go, parameters)
  if (numAffectedRows !== 1n) return false
  for (let from = 0; from < uses.length; from += ROWS_PER_STATEMENT)
    await addTotals(statements, uses.slice(from, from + ROWS_PER_STATEMENT))
  for (let from = 0; from < counts.length; from += ROWS_PER_STATEMENT)
    await addCounts(statements, counts.slice(from, from + ROWS_PER_STATEMENT))
  if (isLast) for (const segment of segments) await endSegment(statements, segment)
  return true
}

/** See Store.forgetUses. */
export async function forgetUses(
  statements: Statements,
  what: 'segments' | UsePeriod,
  before: number,
  limit: number,
): Promise<number> {
  const segments = (db: Kysely<Tables>) =>
    db
      .deleteFrom('use_segment')
      .where((where) =>
        where(
          where.refTuple('boot', 'batch_number'),
          'in',
          where
            .selectFrom('use_segment')
            .select(['boot', 'batch_number'])
            .where('to_at', '<', 0)
            .where('rolled_up', '=', 1)
            .limit(0)
            .$asTuple('boot', 'batch_number'),
        ),
      )
  const counts = (db: Kysely<Tables>) =>
    db
      .deleteFrom('use_count')
      .where((where) =>
        where(
          where.refTuple('period', 'start_at', 'subject', 'environment', 'code'),
          'in',
          where
            .selectFrom('use_count')
            .select(['period', 'start_at', 'subject', 'environment', 'code'])
            .where('period', '=', '')
            .where('start_at', '<', 0)
            .limit(0)
            .$asTuple('period', 'start_at', 'subject', 'environment', 'code'),
        ),
      )
  const { numAffectedRows } =
    what === 'segments'
      ? await statements.run('forget segments', segments, [before, 1, limit])
      : await statements.run('forget counts', counts, [what, before, limit])
  return Number(numAffectedRows ?? 0)
}

/** Adds to what is there; the last time never goes back, since segments of several processes are added up. */
async function addTotals(statements: Statements, uses: readonly KeyUse[]): Promise<void> {
  const rows = uses.map((use) => ({
    key_id: use.keyId,
    version_number: use.versionNumber,
    code: use.code,
    count: use.count,
    last_at: use.lastAt,
  }))
  const build = (db: Kysely<Tables>) =>
    db
      .insertInto('key_use')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['key_id', 'version_number', 'code']).doUpdateSet((row) => ({
          count: row('key_use.count', '+', row.ref('excluded.count')),
          last_at: row
            .case()
            .when('key_use.last_at', '>', row.ref('excluded.last_at'))
            .then(row.ref('key_use.last_at'))
            .else(row.ref('excluded.last_at'))
            .end(),
        })),
      )
  await statements.run(`add ${rows.length} totals`, build, rows.flatMap(Object.values))
}

async function addCounts(statements: Statements, counts: readonly UseCount[]): Promise<void> {
  const rows = counts.map(countRow)
  const build = (db: Kysely<Tables>) =>
    db
      .insertInto('use_count')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['period', 'start_at', 'subject', 'environment', 'code']).doUpdateSet((row) => ({
          count: row('use_count.count', '+', row.ref('excluded.count')),
        })),
      )
  await statements.run(`add ${rows.length} counts`, build, rows.flatMap(Object.values))
}

async function endSegment(
  statements: Statements,
  { boot, batchNumber }: UseRollUp['segments'][number],
): Promise<void> {
  const build = (db: Kysely<Tables>) =>
    db.updateTable('use_segment').set({ rolled_up: 1 }).where('boot', '=', '').where('batch_number', '=', 0)
  await statements.run('end segment', build, [1, boot, batchNumber])
}
