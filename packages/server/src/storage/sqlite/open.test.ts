import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { StartError } from '../../errors.ts'
import { FakeClock, temporaryFolder, testIntegrity } from '../../world.test-support.ts'
import { databaseExists, openDatabase } from './open.ts'
import { openSqliteStore } from './store.ts'

/** A refusal of one line that an operator can act on. */
const oneLine = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StartError, String(error))
  assert.doesNotMatch(error.message, /\n/)
  assert.match(error.message, pattern)
  return true
}

test('a second server on the same data folder is refused, until the first one has closed', (t) => {
  const folder = temporaryFolder(t)
  const first = openDatabase(folder)
  assert.throws(() => openDatabase(folder), oneLine(/held by another Keystead server: stop that one first/))
  first.close()
  openDatabase(folder).close()
})

test('a file that is no database is refused, and its bytes stay as they are', (t) => {
  for (const garbage of [
    Buffer.alloc(8_192, 'garbage '),
    Buffer.from('SQLite format 3\0 but no more of it'),
  ]) {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'keystead.db'), garbage)
    assert.throws(() => openDatabase(folder), oneLine(/keystead\.db cannot be used: .*put back a backup/))
    assert.deepEqual(readFileSync(join(folder, 'keystead.db')), garbage)
    // The refused start let go of the folder.
    assert.throws(() => openDatabase(folder), oneLine(/cannot be used/))
  }
})

test('a folder where the database should be is refused', (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'keystead.db'))
  assert.throws(
    () => openDatabase(folder),
    oneLine(/keystead\.db cannot be used: .*Check that the folder is writable/),
  )
})

test('a data folder that cannot be written is refused', (t) => {
  // Root may write anywhere; a file in place of the folder nobody can write into.
  const folder = join(temporaryFolder(t), 'file')
  writeFileSync(folder, '')
  assert.throws(() => openDatabase(folder), oneLine(/cannot be used: .*Check that the folder is writable/))
})

test('a database of another version of the program is refused and left as it is', (t) => {
  const drifts = [
    "UPDATE schema_migration SET sha256 = 'other'",
    "UPDATE schema_migration SET name = '0001-other.sql'",
    "INSERT INTO schema_migration VALUES ('9999-later.sql', 'x')",
  ]
  for (const drift of drifts) {
    const folder = temporaryFolder(t)
    const database = openDatabase(folder)
    database.writer.exec(drift)
    database.close()
    const before = createHash('sha256')
      .update(readFileSync(join(folder, 'keystead.db')))
      .digest('hex')
    assert.throws(
      () => openDatabase(folder),
      oneLine(/was made by another version of Keystead \(\d{4}-\w+\.sql\)/),
    )
    const after = createHash('sha256')
      .update(readFileSync(join(folder, 'keystead.db')))
      .digest('hex')
    assert.equal(after, before)
  }
})

test('opening again applies no migration twice', (t) => {
  const folder = temporaryFolder(t)
  assert.equal(databaseExists(folder), false)
  for (let i = 0; i < 2; i++) {
    const database = openDatabase(folder)
    assert.equal(database.reader.prepare('SELECT * FROM schema_migration').all().length, 1)
    database.close()
  }
  assert.equal(databaseExists(folder), true)
})

test('the reading connection cannot write', (t) => {
  const database = openDatabase(temporaryFolder(t))
  t.after(() => database.close())
  assert.throws(() => database.reader.exec('DELETE FROM key_use'), /readonly/)
})

test('a slip of the hand cannot change or remove a leaf', (t) => {
  const database = openDatabase(temporaryFolder(t))
  t.after(() => database.close())
  database.writer.exec(
    "INSERT INTO audit_entry (position, leaf, leaf_hash, action) VALUES (0, x'00', x'00', 'server.started')",
  )
  assert.throws(() => database.writer.exec("UPDATE audit_entry SET leaf = x'01'"), /append-only/)
  assert.throws(() => database.writer.exec('DELETE FROM audit_entry'), /append-only/)
})

test('leaves beyond the sealed head of the log are refused with one line', async (t) => {
  const database = openDatabase(temporaryFolder(t))
  t.after(() => database.close())
  for (const position of [0, 1])
    database.writer.exec(
      `INSERT INTO audit_entry (position, leaf, leaf_hash, action) VALUES (${position}, x'00', x'00', 'server.started')`,
    )
  const opening = openSqliteStore(database, testIntegrity(new FakeClock().read))
  await assert.rejects(opening, oneLine(/changed outside Keystead: .* leaf 0 was added/))
})

test('a planted trigger, view or table, or a dropped constraint, keeps the server from starting', (t) => {
  const planted = [
    'CREATE TRIGGER x AFTER UPDATE ON api_key BEGIN UPDATE api_key SET state = old.state WHERE id = old.id; END',
    'CREATE VIEW x AS SELECT * FROM api_key',
    'ALTER TABLE owner RENAME TO other; CREATE VIEW owner AS SELECT * FROM other',
    'DROP TRIGGER audit_entry_is_final',
    'DROP INDEX api_key_owner',
  ]
  for (const sql of planted) {
    const folder = temporaryFolder(t)
    const database = openDatabase(folder)
    database.writer.exec(sql)
    database.close()
    assert.throws(
      () => openDatabase(folder),
      (error) => error instanceof StartError && /schema/.test(error.message),
      sql,
    )
  }
})
