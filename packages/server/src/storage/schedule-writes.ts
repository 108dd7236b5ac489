import type { Kysely } from 'kysely'
import type { JobCursor } from './records.ts'
import type { Statements } from './statements.ts'
import type { Tables } from './tables.ts'

/** Moves a job's cursor. */
export async function saveCursor(statements: Statements, name: string, cursor: JobCursor): Promise<void> {
  const { at, after } = cursor
  const build = (db: Kysely<Tables>) =>
    db
      .insertInto('job_cursor')
      .values({ name, at, after })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ at, after }))
  await statements.run('cursor', build, [name, at, after, at, after])
}
