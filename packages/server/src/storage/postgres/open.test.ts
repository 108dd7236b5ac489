import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StartError } from '../../errors.ts'
import { TABLE_TRUST } from '../tables.ts'
import { asSuperuser, temporaryDatabase } from './database.test-support.ts'
import { openPostgres } from './open.ts'
import { POSTGRES_TABLE_TRUST } from './tables.ts'

const refusal = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StartError, String(error))
  assert.match(error.message, pattern)
  assert.doesNotMatch(error.message, /\n/)
  return true
}

async function openAndClose(url: string): Promise<boolean> {
  const database = await openPostgres(url)
  await database.close()
  return database.isEmpty
}

test('opening again, and by many at once, applies each migration once', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const answers = await Promise.all(Array.from({ length: 5 }, async () => openAndClose(url)))
  assert.deepEqual(answers, [true, true, true, true, true])
  assert.equal((await asSuperuser(url, 'SELECT * FROM schema_migration')).length, 1)
})

test('every table of the database is classified, and every classified table is there', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  await openAndClose(url)
  const rows = await asSuperuser(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'keystead'")
  const trust = { ...TABLE_TRUST, ...POSTGRES_TABLE_TRUST }
  assert.deepEqual(rows.map((row) => String(row['tablename'])).toSorted(), Object.keys(trust).toSorted())
})

test('what somebody has planted in the schema keeps the server from starting (T-05)', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  await openAndClose(url)
  const nothing = 'CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$'
  const planted: readonly (readonly [sql: string, undo: string])[] = [
    [
      `${nothing}; CREATE TRIGGER x BEFORE UPDATE ON api_key FOR EACH ROW EXECUTE FUNCTION nothing()`,
      'DROP FUNCTION nothing CASCADE',
    ],
    ['CREATE RULE x AS ON UPDATE TO api_key DO INSTEAD NOTHING', 'DROP RULE x ON api_key'],
    [
      'ALTER TABLE owner RENAME TO other; CREATE VIEW owner AS SELECT * FROM other',
      'DROP VIEW owner; ALTER TABLE other RENAME TO owner',
    ],
    [
      'CREATE POLICY x ON api_key; ALTER TABLE api_key ENABLE ROW LEVEL SECURITY',
      'DROP POLICY x ON api_key; ALTER TABLE api_key DISABLE ROW LEVEL SECURITY',
    ],
    [
      'ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_is_final',
      'ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_is_final',
    ],
    [
      "CREATE FUNCTION octet_length(text) RETURNS int LANGUAGE sql AS 'SELECT 0'",
      'DROP FUNCTION keystead.octet_length(text)',
    ],
    [
      'ALTER TABLE audit_pending ALTER COLUMN refused SET DEFAULT $$x$$',
      'ALTER TABLE audit_pending ALTER COLUMN refused DROP DEFAULT',
    ],
    ['CREATE TABLE x (id int)', 'DROP TABLE x'],
    ['DROP INDEX installation_is_one', 'CREATE UNIQUE INDEX installation_is_one ON installation ((true))'],
    ['ALTER TABLE key_use SET UNLOGGED', 'ALTER TABLE key_use SET LOGGED'],
    ['CREATE TABLE child () INHERITS (api_key)', 'DROP TABLE child'],
  ]
  for (const [sql, undo] of planted) {
    await asSuperuser(url, sql)
    await assert.rejects(openPostgres(url), refusal(/schema keystead of the database was changed/), sql)
    await asSuperuser(url, undo)
  }
  assert.equal(await openAndClose(url), true)
})

test('a database of another version, a server that loses what it acknowledges, and one that is not there are refused', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  await openAndClose(url)
  await asSuperuser(url, "UPDATE schema_migration SET sha256 = 'x'")
  await assert.rejects(
    openPostgres(url),
    refusal(/made by another version of Keystead \(0001-initial\.sql\)/),
  )
  await asSuperuser(
    url,
    'ALTER ROLE CURRENT_USER IN DATABASE ' + new URL(url).pathname.slice(1) + ' SET synchronous_commit = off',
  )
  await assert.rejects(openPostgres(url), refusal(/acknowledges what it has not written/))
  await assert.rejects(openPostgres('postgresql://nobody@127.0.0.1:1/x'), refusal(/ECONNREFUSED/))
})

test('a server on another machine is refused without verified TLS, before anything is sent', async () => {
  for (const query of ['', '?sslmode=no-verify', '?sslmode=disable', '?application_name=sslmode=verify-full'])
    await assert.rejects(
      openPostgres(`postgresql://u:secret@db.example:5432/x${query}`),
      (error: unknown) => {
        refusal(/on db\.example: add sslmode=verify-full/)(error)
        assert.doesNotMatch(String((error as Error).message), /secret/)
        return true
      },
    )
})
