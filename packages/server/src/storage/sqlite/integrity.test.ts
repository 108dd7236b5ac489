// T-05: a row that was changed by SQL is refused.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { parseAuditEvent } from '@keystead/protocol/audit-event'
import bcrypt from 'bcryptjs'
import { aSource, imported } from '../../keys/import/import.test-support.ts'
import { aKey, anOwner, aRole, aRootKey } from '../../keys/keys.test-support.ts'
import { bulk } from '../../keys/bulk/bulk.test-support.ts'
import { recordStart } from '../../bootstrap.ts'
import { revokeKey } from '../../keys/revoke.ts'
import {
  ask,
  closeOnce,
  may,
  openWorld,
  testEmitter,
  testIntegrity,
  type World,
} from '../../world.test-support.ts'
import { updateKey } from '../../keys/update.ts'
import { code, event, PROVENANCE, saveProjects } from '../contract.test-support.ts'
import { API_KEY, ENVIRONMENT, INSTALLATION, OWNER, PROJECT, ROLE, wrongWith } from '../rows.ts'
import { BULK_CHUNK, BULK_OPERATION } from '../bulk-rows.ts'
import { IMPORT_SOURCE } from '../import-rows.ts'
import { USE_EMITTER } from '../use-rows.ts'
import type { Reader } from '../store.ts'
import { openSqliteStore } from './store.ts'
import { type OwnerTable, TABLE_TRUST } from '../tables.ts'

/** Each sealed table, and a read that meets all of its rows. */
const SEALED: readonly {
  readonly table: string
  readonly columns: readonly string[]
  readonly read: (reader: Reader, world: World) => Promise<unknown>
}[] = [
  { ...INSTALLATION, read: (reader) => reader.installation() },
  { ...PROJECT, read: (reader) => reader.projects(null, { limit: 200, cursor: null }) },
  { ...ENVIRONMENT, read: (reader, world) => reader.environments(world.projectId) },
  {
    ...OWNER,
    read: (reader) => reader.owners({ projectId: null, externalId: null }, { limit: 200, cursor: null }),
  },
  { ...ROLE, read: (reader) => reader.roles(null, { limit: 200, cursor: null }) },
  {
    ...API_KEY,
    read: async (reader, world) => {
      const all = {
        projectId: null,
        environment: null,
        ownerId: null,
        roleId: null,
        state: null,
        now: world.clock.now,
      }
      const page = { limit: 200, cursor: null }
      await reader.keys({ kind: 'root', ...all }, page)
      await reader.keys({ kind: 'issued', ...all }, page)
    },
  },
  {
    ...BULK_OPERATION,
    read: (reader) =>
      reader.bulkOperations({ projectId: null, environment: null }, { limit: 200, cursor: null }),
  },
  {
    ...BULK_CHUNK,
    read: async (reader) => {
      const all = { projectId: null, environment: null }
      const { items } = await reader.bulkOperations(all, { limit: 200, cursor: null })
      for (const { id } of items) await reader.bulkChunk(id, 1)
    },
  },
  { ...USE_EMITTER, read: (reader) => reader.useEmitters({ limit: 200, cursor: null }) },
  { ...IMPORT_SOURCE, read: (reader) => reader.importSources(null, { limit: 200, cursor: null }) },
]

async function fullWorld(t: TestContext): Promise<World> {
  const world = await openWorld(t)
  const role = await aRole(world)
  const times = { expiresAt: world.clock.now + 1_000, notBefore: world.clock.now }
  await aKey(world, { ...times, roles: [role.id], allowedAddresses: ['10.0.0.0/8'] })
  await bulk(world, { query: { keyIds: [(await aKey(world)).key.id] } })
  const lookup = { separator: '.', occurrence: 1 }
  const slow = await aSource(world, { algorithm: 'bcrypt', lookup })
  await imported(world, slow, { hash: bcrypt.hashSync('a.b', 4), lookup: 'a' })
  await aSource(world, { algorithm: 'hmac-sha256', secret: 'pepper', lookup, hashes: 'rest' })
  world.usage.count(ask(world, ''), world.clock.now)
  await world.usage.close()
  world.database.writer.exec('PRAGMA foreign_keys = OFF')
  return world
}

const columnsOf = (world: World, table: string): string[] =>
  world.database.writer
    .prepare('SELECT name FROM pragma_table_info(?)')
    .all(table)
    .map((row) => String(row['name']))

/** Columns by which a row is looked up: with another value it is not found at all. */
const FOUND_BY: Readonly<Record<string, readonly string[]>> = {
  environment: ['project_id'],
  bulk_chunk: ['operation_id', 'number'],
}

const changed = (value: unknown): string | number => {
  if (typeof value === 'number') return value + 1
  return typeof value === 'string' ? `${value}x` : 0
}

for (const { table, columns, read } of SEALED) {
  test(`a change by SQL in any column of ${table} is refused, and put back it is accepted again`, async (t) => {
    const world = await fullWorld(t)
    const { writer } = world.database
    const all = columnsOf(world, table)
    assert.deepEqual(all.toSorted(), [...columns, 'mac'].toSorted(), 'the MAC covers every column')
    for (const column of all) {
      const row = writer.prepare(`SELECT * FROM ${table} LIMIT 1`).get() ?? {}
      const where = Object.keys(row).includes('id') ? String(row['id']) : ''
      const value = row[column]
      // A row whose project changed is still found through the project it belongs to.
      const change = writer.prepare(`UPDATE ${table} SET ${column} = ? WHERE id = ?`)
      change.run(changed(value), where)
      const isFoundBy = FOUND_BY[table]?.includes(column) ?? false
      if (!isFoundBy) {
        await assert.rejects(read(world.store.reader, world), code('storage.integrity'), column)
      }
      change.run(value ?? null, column === 'id' ? `${where}x` : where)
      await read(world.store.reader, world)
    }
  })
}

test('a row that is copied from one object to another is refused', async (t) => {
  const world = await fullWorld(t)
  const weak = await aKey(world)
  const strong = await aKey(world, { permissions: ['*'] })
  world.database.writer
    .prepare(
      `UPDATE api_key SET (permissions, mac) = (SELECT permissions, mac FROM api_key WHERE id = ?) WHERE id = ?`,
    )
    .run(strong.key.id, weak.key.id)
  await assert.rejects(world.store.reader.key(weak.key.id), code('storage.integrity'))
})

test('a refused row is refused inside a transaction too, and nothing of it is changed', async (t) => {
  const world = await fullWorld(t)
  const { key } = await aKey(world)
  const owner = await anOwner(world)
  world.database.writer.exec(`UPDATE api_key SET permissions = '["*"]' WHERE id = '${key.id}'`)
  world.database.writer.exec(`UPDATE owner SET name = 'x' WHERE id = '${owner.id}'`)
  const { size } = world.store.head()
  const reads = [
    world.store.transact(PROVENANCE, async (tx) => tx.key(key.id)),
    world.store.transact(PROVENANCE, async (tx) => tx.owner(owner.id)),
    world.store.transact(PROVENANCE, async (tx) => {
      const next = await tx.ownerByExternalId(owner.projectId, owner.externalId)
      if (next !== null) await tx.saveOwner(next, { ...next, version: 2 })
      tx.record(event('owner.updated'))
    }),
  ]
  for (const read of reads) await assert.rejects(read, code('storage.integrity'))
  assert.equal(world.store.head().size, size)
})

/** The alarms that the log holds, as "row table what", the order of canonical JSON. */
async function alarmsOf(world: World): Promise<string[]> {
  const positions = await world.store.reader.auditPositions(
    { targetId: null, action: 'integrity.alarm' },
    -1,
    100,
  )
  const entries = await Promise.all(
    positions.map(async (position) => world.store.reader.auditEntries(position, 1)),
  )
  return entries.map(([entry]) => {
    const { details } = parseAuditEvent(entry?.bytes ?? new Uint8Array())
    return Object.values(details as Record<'row' | 'table' | 'what', string>).join(' ')
  })
}

/** The next commit waits for those before it: whatever alarm was raised until now is in the log then. */
async function restarted(t: TestContext, world: World): Promise<World> {
  await closeOnce(world.store)
  const next = await openWorld(t, { folder: world.folder, clock: world.clock })
  await recordStart(next.domain, testEmitter())
  return next
}

test('a server that starts over a key that was changed by SQL refuses that key, names it, and serves the others', async (t) => {
  const world = await fullWorld(t)
  const [bad, good] = [await aRootKey(world), await aKey(world)]
  world.database.writer.exec(`UPDATE api_key SET permissions = '["*"]' WHERE id = '${bad.key.id}'`)
  const next = await restarted(t, world)
  assert.deepEqual(await alarmsOf(next), [`${bad.key.id} api_key does not match its MAC`])
  assert.equal(next.index.lookup(bad.key.locator), undefined)
  assert.equal(ask(next, good.secret.reveal()).code, 'VALID')
  await assert.rejects(next.store.reader.key(bad.key.id), code('storage.integrity'))
})

test('a row that was deleted, or put back as it once was, is refused and named at the next start', async (t) => {
  const undo: readonly (readonly [what: RegExp, sql: (id: string) => string])[] = [
    [/is missing$/, (id) => `DELETE FROM api_key WHERE id = '${id}'`],
    [
      /is version 1, the log says 2$/,
      (id) =>
        `DELETE FROM api_key WHERE id = '${id}'; INSERT INTO api_key SELECT * FROM earlier WHERE id = '${id}'`,
    ],
  ]
  for (const [what, sql] of undo) {
    const world = await fullWorld(t)
    const { key, secret } = await aKey(world)
    world.database.writer.exec('CREATE TEMP TABLE earlier AS SELECT * FROM api_key')
    await revokeKey(world.domain, may('keys:revoke'), 'issued', key.id, 'unspecified')
    world.database.writer.exec(sql(key.id))
    const next = await restarted(t, world)
    const [alarm, ...more] = await alarmsOf(next)
    assert.match(alarm ?? '', what)
    assert.ok(alarm?.startsWith(`${key.id} api_key `))
    assert.deepEqual(more, [])
    assert.equal(ask(next, secret.reveal()).code, 'NOT_FOUND')
  }
})

test('a role that is gone takes everything from the keys that have it: nobody knows what it denied', async (t) => {
  const world = await fullWorld(t)
  const role = await aRole(world, { permissions: ['!funds:withdraw'] })
  const { secret } = await aKey(world, { permissions: ['*'], roles: [role.id] })
  assert.equal(ask(world, secret.reveal(), { permission: 'market:read' }).code, 'VALID')
  world.database.writer.exec(`DELETE FROM role WHERE id = '${role.id}'`)
  const next = await restarted(t, world)
  for (const permission of ['market:read', 'funds:withdraw'])
    assert.equal(ask(next, secret.reveal(), { permission }).code, 'INSUFFICIENT_PERMISSIONS')
})

test('a row that the log does not know is in no index, and the sweep names it', async (t) => {
  const world = await fullWorld(t)
  const { key } = await aKey(world)
  const id = `${key.id.slice(0, -1)}${key.id.endsWith('0') ? '1' : '0'}`
  world.database.writer.exec(
    `CREATE TEMP TABLE copy AS SELECT * FROM api_key WHERE id = '${key.id}';
     UPDATE copy SET id = '${id}', locator = 'abcdefabcdef'; INSERT INTO api_key SELECT * FROM copy`,
  )
  const next = await restarted(t, world)
  assert.equal(next.index.lookup('abcdefabcdef'), undefined)
  const { refused } = await next.store.sweep()
  assert.deepEqual(
    refused.map((row) => row.id),
    [id],
  )
})

test('a sweep finds nothing wrong in a database that nobody touched, while it changes', async (t) => {
  const world = await fullWorld(t)
  const keys = await Promise.all(Array.from({ length: 300 }, async () => aKey(world)))
  const changing = Promise.all(
    keys.map(async ({ key }) => updateKey(world.domain, may('keys:update'), 'issued', key.id, { name: 'x' })),
  )
  const { refused, rows, leaves } = await world.store.sweep()
  await changing
  assert.deepEqual(refused, [])
  assert.ok(rows > 300 && leaves >= 300)
})

test('a sweep names every kind of damage, and each becomes one alarm in the log', async (t) => {
  const world = await fullWorld(t)
  while (world.store.head().size < 8) await anOwner(world)
  const [altered, deleted, old] = [await aKey(world), await aKey(world), await aKey(world)]
  const { writer } = world.database
  writer.exec(`CREATE TEMP TABLE earlier AS SELECT * FROM api_key WHERE id = '${old.key.id}'`)
  await revokeKey(world.domain, may('keys:revoke'), 'issued', old.key.id, 'unspecified')
  writer.exec(`UPDATE api_key SET state = 'active', expires_at = 9e15 WHERE id = '${altered.key.id}'`)
  writer.exec(`DELETE FROM api_key WHERE id IN ('${deleted.key.id}', '${old.key.id}')`)
  writer.exec('INSERT INTO api_key SELECT * FROM earlier')
  writer.exec("DROP TRIGGER audit_entry_is_final; UPDATE audit_entry SET leaf = x'7b7d' WHERE position = 3")
  writer.exec('UPDATE audit_node SET hash = zeroblob(32) WHERE level = 1 AND idx = 2')
  const { refused } = await world.store.sweep()
  assert.deepEqual(refused.map(({ table, id }) => `${table} ${id}`).toSorted(), [
    ...[altered, deleted, old].map(({ key }) => `api_key ${key.id}`).toSorted(),
    'audit_entry 3',
    'audit_node 1/2',
  ])
  await world.store.sweep()
  await recordStart(world.domain, testEmitter())
  assert.equal((await alarmsOf(world)).length, 5)
})

test('a revoked row that is put back while the server runs changes nothing: it is refused, and the key stays revoked', async (t) => {
  const world = await fullWorld(t)
  const { key, secret } = await aKey(world)
  const { writer } = world.database
  writer.exec(`CREATE TEMP TABLE earlier AS SELECT * FROM api_key WHERE id = '${key.id}'`)
  await revokeKey(world.domain, may('keys:revoke'), 'issued', key.id, 'keyCompromise')
  writer.exec(`DELETE FROM api_key WHERE id = '${key.id}'; INSERT INTO api_key SELECT * FROM earlier`)
  const renamed = updateKey(world.domain, may('keys:update'), 'issued', key.id, { name: 'x' })
  await assert.rejects(renamed, code('storage.integrity'))
  await assert.rejects(world.store.reader.key(key.id), code('storage.integrity'))
  assert.equal(ask(world, secret.reveal()).code, 'REVOKED')
})

test('another genuine row that comes in the place of the one that was asked for is refused (T-05)', async (t) => {
  const world = await fullWorld(t)
  const [one, other] = [await anOwner(world), await anOwner(world)]
  const row = world.database.writer
    .prepare('SELECT * FROM owner WHERE id = ?')
    .get(other.id) as unknown as OwnerTable
  const { rowMac } = testIntegrity(world.clock.read)
  assert.equal(wrongWith(OWNER, row, other.id, rowMac, 1), null)
  assert.match(wrongWith(OWNER, row, one.id, rowMac, 1) ?? '', /in its place/)
})

test('every table of the database is classified, and every classified table is there', async (t) => {
  const world = await openWorld(t)
  const tables = world.database.reader
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all()
    .map((row) => String(row['name']))
  assert.deepEqual(tables.toSorted(), Object.keys(TABLE_TRUST).toSorted())
})

test('a table is sealed exactly when its rows have a MAC', async (t) => {
  const world = await openWorld(t)
  const ofItsOwn = new Set(['audit_head', 'done_request'])
  for (const [table, trust] of Object.entries(TABLE_TRUST).filter(([name]) => !ofItsOwn.has(name)))
    assert.equal(columnsOf(world, table).includes('mac'), trust === 'sealed', table)
  const sealed = Object.entries(TABLE_TRUST).filter(([, trust]) => trust === 'sealed')
  assert.deepEqual(sealed.map(([table]) => table).toSorted(), SEALED.map(({ table }) => table).toSorted())
})

test('a batch that was changed by SQL stops the start and is named by the sweep', async (t) => {
  const world = await openWorld(t)
  const { position } = await saveProjects(world.store, 65)
  const { writer } = world.database
  writer.exec('DROP TRIGGER audit_entry_is_final')
  const batch = await world.store.reader.auditBatch(position ?? 0)
  const lines = Buffer.from(batch ?? [])
    .toString('utf8')
    .split('\n')
  for (const forged of [
    null,
    lines.slice(1).join('\n'),
    lines.join('\n').replace('"version":1', '"version":2'),
  ]) {
    writer
      .prepare('UPDATE audit_entry SET batch = ? WHERE position = ?')
      .run(forged === null ? null : Buffer.from(forged), position)
    const { refused } = await world.store.sweep()
    assert.deepEqual(refused, [
      { table: 'audit_entry', id: String(position), what: 'has not the batch that it names' },
    ])
    await assert.rejects(
      openSqliteStore(world.database, testIntegrity(world.clock.read)),
      /has not the batch that it names/,
    )
  }
})
