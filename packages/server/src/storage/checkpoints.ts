import type { Kysely } from 'kysely'
import type { SignedCheckpoint } from './records.ts'
import type { Statements } from './statements.ts'
import type { Tables } from './tables.ts'

/** Keeps a checkpoint unless it is there. */
export async function keepCheckpoint(
  statements: Statements,
  { size, note }: SignedCheckpoint,
): Promise<void> {
  const build = (db: Kysely<Tables>) =>
    db
      .insertInto('audit_checkpoint')
      .values({ size, note })
      .onConflict((conflict) => conflict.column('size').doNothing())
  await statements.run('keep checkpoint', build, [size, note])
}
