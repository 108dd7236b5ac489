// T-23: a connection that breaks at any point loses no acknowledged change and leaves nothing half done.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { aKey, anOwner } from '../../keys/keys.test-support.ts'
import { usesOf } from '../../keys/read.ts'
import { temporaryFolder } from '../../world.test-support.ts'
import { code, event, PROVENANCE } from '../contract.test-support.ts'
import { connectionsTo } from './connect.ts'
import { asSuperuser, temporaryDatabase } from './database.test-support.ts'
import { eventually, type Node, openNode } from './nodes.test-support.ts'
import { type Cut, Proxy } from './proxy.test-support.ts'

async function behindProxy(t: TestContext): Promise<{ node: Node; proxy: Proxy; url: string } | null> {
  const url = await temporaryDatabase(t)
  if (url === null) return null
  const proxy = await Proxy.open(t, url)
  return { node: await openNode(t, proxy.url, temporaryFolder(t)), proxy, url }
}

/** Every owner has one leaf and every leaf its owner; the log is whole. */
async function assertWhole(url: string): Promise<void> {
  const rows = await asSuperuser(url, 'SELECT id, version FROM owner ORDER BY id')
  const leaves = await asSuperuser(
    url,
    `SELECT t.target_id AS id, count(*)::int AS version FROM audit_target t JOIN audit_entry e USING (position)
     WHERE e.action LIKE 'owner.%' GROUP BY 1 ORDER BY 1`,
  )
  assert.deepEqual(
    rows.map((row) => [row['id'], Number(row['version'])]),
    leaves.map((row) => [row['id'], row['version']]),
  )
  const [log] = await asSuperuser(
    url,
    `SELECT count(*)::int AS count, (max(position) + 1)::int AS next, (SELECT size::int FROM audit_head) AS size,
       (SELECT count(*)::int FROM audit_pending) AS pending FROM audit_entry`,
  )
  assert.deepEqual(log, { count: log?.['size'], next: log?.['size'], size: log?.['size'], pending: 0 })
}

/** The first changes after a cut may still meet it. */
async function anOwnerAtLast(node: Node): Promise<void> {
  await eventually(async () =>
    anOwner(node).then(
      () => true,
      () => false,
    ),
  )
}

/** What goes over the wire there: a simple query by its text, a prepared one by its name. */
const PLACES: readonly (readonly [where: string, pattern: RegExp, cut: Cut, outcome: 'done' | 'refused'])[] =
  [
    ['before the first statement', /BEGIN/, 'before', 'refused'],
    ['after BEGIN', /BEGIN/, 'after', 'refused'],
    ['before the leaf is written', /add pending\0/, 'before', 'refused'],
    ['after the writes', /add pending\0/, 'after', 'refused'],
    ['before COMMIT reaches the server', /COMMIT/, 'before', 'refused'],
    ['after COMMIT, before its answer', /COMMIT/, 'after', 'done'],
    ['before a position is given', /append\0/, 'before', 'done'],
    ['after a position was given, before the answer', /append\0/, 'after', 'done'],
    ['before the log is read', /read log\0/, 'before', 'done'],
    ['while the log is read', /read log\0/, 'after', 'done'],
    ['when the lease is renewed', /take lease\0/, 'after', 'done'],
  ]

for (const [where, pattern, cut, outcome] of PLACES) {
  test(`a connection that breaks ${where}: the change is ${outcome}, once, and the next one works`, async (t) => {
    const opened = await behindProxy(t)
    if (opened === null) return
    const { node, proxy, url } = opened
    await anOwner(node)
    const happened = proxy.cutAt(pattern, cut)
    const changed = anOwner(node)
    if (outcome === 'done') await changed
    else await assert.rejects(changed, code('storage.unavailable'))
    await happened
    await anOwner(node)
    assert.equal((await asSuperuser(url, 'SELECT FROM owner')).length, outcome === 'done' ? 3 : 2)
    await assertWhole(url)
  })
}

test('a server that shuts down in the moment in which it takes a connection ends that and not the process', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const proxy = await Proxy.open(t, url)
  const connections = connectionsTo(proxy.url, 'on')
  t.after(async () => connections.close())
  const { service } = connections
  const happened = proxy.cutAt(/user\0/, 'behind')
  const client = await service.connect()
  await happened
  await assert.rejects(client.query('SELECT'))
  client.release()
  assert.equal((await service.query('SELECT')).rowCount, 1)
})

test('a COMMIT whose answer is lost with the server is found out when the server is back', async (t) => {
  const opened = await behindProxy(t)
  if (opened === null) return
  const { node, proxy, url } = opened
  const happened = proxy.cutAt(/COMMIT/, 'after')
  const changed = anOwner(node)
  await happened
  proxy.down()
  await eventually(async () => (await asSuperuser(url, 'SELECT FROM owner')).length === 1)
  proxy.up()
  assert.equal((await changed).version, 1)
  await assertWhole(url)
})

test('a change that was in the way of another, on a server that is gone by then, is refused as every other', async (t) => {
  const opened = await behindProxy(t)
  if (opened === null) return
  const { node, proxy, url } = opened
  const owner = await anOwner(node)
  const refused = proxy.cutAt(/ROLLBACK/, 'before').then(() => proxy.down())
  const again = node.store.transact(PROVENANCE, async (tx) => {
    await tx.saveOwner(null, owner)
    tx.record(event('owner.created'))
  })
  await assert.rejects(again, code('storage.unavailable'))
  await refused
  proxy.up()
  await anOwnerAtLast(node)
  await assertWhole(url)
})

test('without its database a process refuses changes, and after 5 seconds knows that it is stale; then it recovers', async (t) => {
  const opened = await behindProxy(t)
  if (opened === null) return
  const { node, proxy, url } = opened
  const { key, secret } = await aKey(node)
  proxy.down()
  // Counts are no reason to say that a change which is done has failed, nor to lose the new secret in its answer.
  assert.deepEqual(await usesOf(node.domain, key), [])
  await assert.rejects(anOwner(node), code('storage.unavailable'))
  await assert.rejects(
    node.store.reader.projects(null, { limit: 1, cursor: null }),
    code('storage.unavailable'),
  )
  node.clock.advance(5_001)
  assert.ok(node.store.ageMs() > 5_000)
  proxy.up()
  await eventually(() => node.store.ageMs() < 5_000)
  assert.equal(node.ask(secret.reveal()).code, 'VALID')
  await anOwner(node)
  await assertWhole(url)
})

test('connections that break all the time, under changes by 8 clients, lose nothing that was acknowledged', async (t) => {
  const opened = await behindProxy(t)
  if (opened === null) return
  const { node, proxy, url } = opened
  const acknowledged: string[] = []
  let isOver = false
  const clients = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      try {
        acknowledged.push((await anOwner(node)).id)
      } catch (error) {
        const { code: reason } = error as { code?: string }
        assert.ok(reason === 'storage.unavailable' || reason === 'storage.unconfirmed', String(error))
      }
    }
  })
  for (let cuts = 0; cuts < 15; cuts++) {
    const before = acknowledged.length
    await eventually(() => acknowledged.length > before)
    proxy.cutAll()
  }
  isOver = true
  await Promise.all(clients)
  await anOwnerAtLast(node)
  const ids = (await asSuperuser(url, 'SELECT id FROM owner')).map((row) => row['id'])
  for (const id of acknowledged) assert.ok(ids.includes(id))
  await eventually(async () => (await asSuperuser(url, 'SELECT FROM audit_pending')).length === 0)
  await assertWhole(url)
})
