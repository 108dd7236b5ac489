import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { AuditReport } from '@keystead/protocol/audit-report'
import { formatStateLine, STATE_PATH } from '@keystead/protocol/audit-state'
import { verifyLog } from '@keystead/protocol/audit-verification'
import { utf8Encode } from '@keystead/protocol/bytes'
import { parseCheckpoint } from '@keystead/protocol/checkpoint'
import { entriesPath, tilePath, tilesForSize } from '@keystead/protocol/tiles'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { join } from 'node:path'
import { sha256, verifyEd25519 } from '../hash.ts'
import {
  code,
  newOwner,
  newProject,
  PROVENANCE,
  event,
  saveProject,
  newKey,
} from '../storage/contract.test-support.ts'
import { openWorld, type World } from '../world.test-support.ts'
import { StateExports, type StatePage } from './state-exports.ts'
import { readTile } from './tile.ts'

type Files = Map<string, Uint8Array>

const MINUTE = 60_000

async function setUp(t: TestContext): Promise<{ world: World; exports: StateExports }> {
  const world = await openWorld(t)
  const exports = new StateExports({ ...world.domain, publisher: world.publisher })
  t.after(async () => exports.close())
  return { world, exports }
}

async function grow(world: World, keys: number): Promise<void> {
  const project = newProject()
  await saveProject(world.store, project)
  const owner = newOwner(project)
  for (let i = 0; i < keys; i++) {
    await world.store.transact(PROVENANCE, async (tx) => {
      if (i === 0) await tx.saveOwner(null, owner)
      await tx.saveKey(null, newKey(owner, { name: `ключ ${i}` }))
      tx.record(event('key.created'))
    })
  }
}

async function exportAll(world: World, exports: StateExports, between?: () => Promise<void>): Promise<Files> {
  const pages: StatePage[] = []
  for (let page = await exports.begin(); ;) {
    pages.push(page)
    if (page.nextCursor === null) break
    await between?.()
    page = await exports.next(page.nextCursor)
  }
  const lines = pages.flatMap((page) => page.lines.map((line) => `${formatStateLine(line)}\n`))
  const note = pages[0]?.checkpoint ?? ''
  const files: Files = new Map([[STATE_PATH, utf8Encode(lines.join(''))]])
  files.set('checkpoint', utf8Encode(note))
  const { size } = parseCheckpoint(note.slice(0, note.indexOf('\n\n') + 1))
  assert.equal(size, pages[0]?.size)
  for (const { level, index, width } of tilesForSize(size)) {
    const paths = [tilePath({ level, index, width }), ...(level === 0 ? [entriesPath(index, width)] : [])]
    for (const path of paths) files.set(path, await readTile(world.store.reader, path))
  }
  return files
}

async function verify(world: World, files: Files): Promise<AuditReport> {
  async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield bytes
  }
  return verifyLog({
    readFile: async (path) => files.get(path) ?? null,
    readPieces: async (path) => whole(files.get(path) ?? new Uint8Array()),
    listFiles: async () => [...files.keys()],
    trust: `log ${world.publisher.verifierKey}\nquorum none\n`,
    sha256,
    verifyEd25519,
  })
}

function problems(report: AuditReport): readonly string[] {
  return report.checks.flatMap((check) => check.problems.map(({ message }) => `${check.name}: ${message}`))
}

test('an exported state is what the log leads to, whatever is changed while it is exported', async (t) => {
  const { world, exports } = await setUp(t)
  await grow(world, 600)
  const files = await exportAll(world, exports, async () => grow(world, 3))
  const report = await verify(world, files)
  assert.deepEqual(problems(report), [])
  assert.ok(report.ok)
  assert.match(report.checks.find(({ name }) => name === 'state')?.detail ?? '', /^\d{3} objects are what/)
})

test('each way to change a row by SQL is named by the comparison of an export with its log', async (t) => {
  const { world, exports } = await setUp(t)
  await grow(world, 5)
  const database = new DatabaseSync(join(world.folder, 'keystead.db'))
  t.after(() => database.close())
  const [first, second] = database.prepare("SELECT id FROM api_key WHERE kind = 'key' ORDER BY id").all()
  const [id, other] = [String(first?.['id']), String(second?.['id'])]
  const attacks: readonly (readonly [sql: string, expected: RegExp])[] = [
    [`UPDATE api_key SET permissions = '["*:*"]' WHERE id = '${id}'`, /is not the one that was logged/],
    [`UPDATE api_key SET mac = mac, name = 'x' WHERE id = '${id}'`, /is not the one that was logged/],
    [`UPDATE api_key SET version = 7 WHERE id = '${id}'`, /has version 7, the log says 1/],
    [`UPDATE api_key SET state = 'suspended' WHERE id = '${id}'`, /is suspended, the log says active/],
    [`UPDATE api_key SET kind = 'root' WHERE id = '${id}'`, /root_key key_\w+ was never logged/],
    [`UPDATE api_key SET expires_at = 1 WHERE id = '${id}'`, /is not the one that was logged/],
    [`UPDATE api_key SET versions = '[]' WHERE id = '${id}'`, /is not the one that was logged/],
    [`DELETE FROM api_key WHERE id = '${id}'`, /is missing: the log has version 1, active/],
    [
      `UPDATE api_key SET id = 'key_${'0'.repeat(26)}', locator = 'aaaaaaaaaaaa' WHERE id = '${other}'`,
      /was never logged/,
    ],
    [
      `UPDATE api_key SET id = '', locator = 'aaaaaaaaaaaa' WHERE id = '${other}'`,
      /api_key {2}was never logged/,
    ],
    [`UPDATE owner SET metadata = '{"tier":"vip"}'`, /owner own_\w+ is not the one that was logged/],
    ['UPDATE project SET name = name || 1', /project prj_\w+ is not the one that was logged/],
    ['UPDATE installation SET epoch = 9', /installation ins_\w+ is not the one that was logged/],
  ]
  database.exec('PRAGMA foreign_keys = OFF')
  for (const [sql, expected] of attacks) {
    const saved = rowsOf(database)
    database.exec(sql)
    const report = await verify(world, await exportAll(world, exports))
    assert.match(problems(report).join('\n'), expected, sql)
    const failed = report.checks.filter(({ ok }) => !ok).map(({ name }) => name)
    assert.deepEqual(failed, ['state'], sql)
    putBack(database, saved)
  }
  assert.ok((await verify(world, await exportAll(world, exports))).ok)
})

test('an export that nobody goes on with ends, and a page whose answer was lost can be asked for again', async (t) => {
  const { world, exports } = await setUp(t)
  await grow(world, 1_000)
  const { nextCursor } = await exports.begin()
  const cursor = String(nextCursor)
  const page = await exports.next(cursor)
  assert.deepEqual(await exports.next(cursor), page)
  world.clock.now += MINUTE + 1
  await assert.rejects(exports.next(cursor), code('audit.state_expired'))
  await assert.rejects(exports.next('nobody.1'), code('audit.state_expired'))
})

test('no more than two exports are open at a time', async (t) => {
  const { world, exports } = await setUp(t)
  await grow(world, 600)
  const first = await exports.begin()
  await exports.begin()
  await assert.rejects(exports.begin(), code('server.overloaded'))
  await exports.next(String(first.nextCursor))
  assert.equal((await exports.begin()).lines.length, 500)
})

type Rows = Map<string, readonly Record<string, SQLOutputValue>[]>

function rowsOf(database: DatabaseSync): Rows {
  const tables = ['api_key', 'owner', 'project', 'installation']
  return new Map(tables.map((table) => [table, database.prepare(`SELECT * FROM ${table}`).all()]))
}

function putBack(database: DatabaseSync, saved: Rows): void {
  for (const [table, rows] of saved) {
    database.exec(`DELETE FROM ${table}`)
    for (const row of rows) {
      const columns = Object.keys(row)
      const places = columns.map(() => '?').join(', ')
      const insert = database.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`)
      insert.run(...Object.values(row))
    }
  }
}
