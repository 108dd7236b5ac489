import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { closeOnce, FakeClock, temporaryFolder, testIntegrity } from '../../world.test-support.ts'
import { type Opened, storeContract } from '../contract.ts'
import { code, event, newProject, PROVENANCE, saveProject } from '../contract.test-support.ts'
import { openDatabase, type OpenDatabase } from './open.ts'
import { openSqliteStore } from './store.ts'

async function open(t: TestContext): Promise<Opened & { database: OpenDatabase }> {
  const database = openDatabase(temporaryFolder(t))
  const store = await openSqliteStore(database, testIntegrity(new FakeClock().read))
  t.after(() => closeOnce(store))
  return { database, store, breakCommits: () => breakCommits(database) }
}

/** A deferred foreign key that is broken with each leaf: SQLite finds out at COMMIT, and only then. */
function breakCommits({ writer }: OpenDatabase): () => void {
  writer.exec(`
    CREATE TABLE broken (project TEXT REFERENCES project (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER break_commit AFTER INSERT ON audit_entry BEGIN INSERT INTO broken VALUES ('none'); END`)
  return () => writer.exec('DROP TRIGGER break_commit; DROP TABLE broken')
}

storeContract('sqlite', open)

test('a full disk refuses changes, keeps what there was, and is got over', async (t) => {
  const { store, database } = await open(t)
  const kept = newProject('kept')
  await saveProject(store, kept)
  const { page_count: pages } = database.writer.prepare('PRAGMA page_count').get() as { page_count: number }
  database.writer.exec(`PRAGMA max_page_count = ${pages}`)
  const answers = await Promise.allSettled(
    Array.from({ length: 200 }, async () => saveProject(store, newProject('x'.repeat(1_000)))),
  )
  const refused = answers.filter((answer) => answer.status === 'rejected')
  assert.ok(refused.length > 0)
  for (const { reason } of refused) code('storage.unavailable')(reason)
  assert.equal(store.head().size, 1 + answers.length - refused.length)
  database.writer.exec('PRAGMA max_page_count = 1000000')
  const { position } = await saveProject(store, newProject())
  assert.equal(position, store.head().size - 1)
  assert.deepEqual(await store.reader.project(kept.id), kept)
  assert.equal((await store.reader.auditEntries(0, 1_000)).length, store.head().size)
})

test('reads outside see nothing before the commit', async (t) => {
  const { store } = await open(t)
  const project = newProject()
  await store.transact(PROVENANCE, async (tx) => {
    await tx.saveProject(project)
    tx.record(event('project.created'))
    assert.equal(await store.reader.project(project.id), null)
  })
  assert.deepEqual(await store.reader.project(project.id), project)
})

test('more than the queue holds is refused at once, and the rest is done', async (t) => {
  const { store } = await open(t)
  const answers = await Promise.allSettled(
    Array.from({ length: 4_097 }, async () =>
      store.transact({ actor: { type: 'system', id: null }, request: null }, async () => 1),
    ),
  )
  const refused = answers.filter((answer) => answer.status === 'rejected')
  assert.equal(refused.length, 1)
  code('server.overloaded')(refused[0]?.reason)
})

test('a change made right after the answer to another is done too', async (t) => {
  const { store } = await open(t)
  for (let i = 0; i < 50; i++) assert.equal((await saveProject(store, newProject())).position, i)
})

test('every commit is synced to disk before it is answered', async (t) => {
  const { database } = await open(t)
  const value = (name: string): unknown =>
    Object.values(database.writer.prepare(`PRAGMA ${name}`).get() ?? {})[0]
  // 2 is FULL: https://sqlite.org/pragma.html#pragma_synchronous
  assert.deepEqual([value('synchronous'), value('journal_mode'), value('foreign_keys')], [2, 'wal', 1])
})
