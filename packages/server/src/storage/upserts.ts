import type { Kysely } from 'kysely'
import type { KeyUse, SignedCheckpoint } from './records.ts'
import type { Statements } from './statements.ts'
import type { Tables } from './tables.ts'

/** Adds counts to what is there, in one statement. */
export async function addUses(statements: Statements, uses: readonly KeyUse[]): Promise<void> {
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
          last_at: row.ref('excluded.last_at'),
        })),
      )
  await statements.run(`add ${rows.length} uses`, build, rows.flatMap(Object.values))
}

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
