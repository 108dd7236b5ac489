// What somebody with SQL can do to the queue of leaves, the lease and rows on their way (T-05, T-06, T-23, T-24).
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { TARGETS_MAX } from '@keystead/protocol/audit-event'
import { aKey, anOwner } from '../../keys/keys.test-support.ts'
import { revokeKey } from '../../keys/revoke.ts'
import { updateKey } from '../../keys/update.ts'
import { may, temporaryFolder } from '../../world.test-support.ts'
import { code, event, PROVENANCE, saveProjects } from '../contract.test-support.ts'
import { asSuperuser, temporaryDatabase } from './database.test-support.ts'
import { eventually, openNode } from './nodes.test-support.ts'

/** Nobody gives out positions for so long. */
const holdLease = async (url: string, ms: number): Promise<unknown> =>
  asSuperuser(
    url,
    `UPDATE audit_lease SET holder = 'stopped', until = clock_timestamp() + interval '${ms} milliseconds'`,
  )

test('a leaf that somebody has put into the queue is set aside and named, and the others get their positions', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const node = await openNode(t, url, temporaryFolder(t))
  await node.store.transact(PROVENANCE, async (tx) => tx.record(event('integrity.alarm')))
  await anOwner(node)
  const planted: readonly (readonly [what: RegExp, leaf: string])[] = [
    [/not written by this server/, `'{"v":1}'`],
    [
      /not written by this server/,
      `overlay((SELECT leaf FROM audit_entry WHERE position = 1) PLACING 'x' FROM 40)`,
    ],
    [/does not follow the last change of/, '(SELECT leaf FROM audit_entry WHERE position = 0)'],
    [/does not follow the last change of/, '(SELECT leaf FROM audit_entry WHERE position = 2)'],
    [/is a copy of one in the log/, '(SELECT leaf FROM audit_entry WHERE position = 1)'],
    [/is too large/, `convert_to(repeat('x', 100000), 'UTF8')`],
  ]
  for (const [i, [what, leaf]] of planted.entries()) {
    await asSuperuser(
      url,
      `INSERT INTO audit_pending (leaf, leaf_hash, action) VALUES (${leaf}, 'hash ${i}', 'key.created')`,
    )
    await eventually(() => node.refused.length > i)
    assert.match(node.refused[i]?.what ?? '', what)
    assert.equal(node.refused[i]?.table, 'audit_pending')
  }
  const { size } = node.store.head()
  await anOwner(node)
  assert.equal(node.store.head().size, size + 1)
  assert.equal((await asSuperuser(url, 'SELECT FROM audit_pending WHERE refused IS NULL')).length, 0)
})

test('a row that is changed by SQL while its leaf waits is refused by whoever reads it, and its key with it', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const [a, b] = [await openNode(t, url, folder), await openNode(t, url, folder)]
  const { key, secret } = await aKey(a)
  await eventually(() => b.ask(secret.reveal()).code === 'VALID')
  await holdLease(url, 1_500)
  const changed = updateKey(a.domain, may('keys:update'), 'issued', key.id, { permissions: ['market:read'] })
  await eventually(async () => (await asSuperuser(url, 'SELECT FROM audit_pending')).length === 1)
  await asSuperuser(url, `UPDATE api_key SET permissions = '["*"]' WHERE id = '${key.id}'`)
  await changed
  await eventually(() => b.refused.length > 0)
  assert.deepEqual(b.refused[0], { table: 'api_key', id: key.id, what: 'does not match its MAC' })
  assert.equal(b.ask(secret.reveal()).code, 'NOT_FOUND')
  await assert.rejects(b.store.reader.key(key.id), code('storage.integrity'))
  await assert.rejects(
    revokeKey(b.domain, may('keys:revoke'), 'issued', key.id, 'superseded'),
    code('storage.integrity'),
  )
})

/** Each waits until its change is given up on. */
test(
  'a change whose leaf somebody has touched in the queue is not confirmed',
  { concurrency: true },
  async (t) => {
    await Promise.all([
      t.test('a leaf that was taken away: its row is refused', takenAway),
      t.test('batches that were changed or taken away: no row of them is believed', batchesChanged),
    ])
  },
)

async function takenAway(t: TestContext): Promise<void> {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const node = await openNode(t, url, temporaryFolder(t))
  const { key, secret } = await aKey(node)
  await holdLease(url, 1_000)
  const changed = updateKey(node.domain, may('keys:update'), 'issued', key.id, { permissions: ['*'] })
  const unconfirmed = assert.rejects(changed, code('storage.unconfirmed'))
  await eventually(async () => (await asSuperuser(url, 'SELECT FROM audit_pending')).length === 1)
  await asSuperuser(url, 'DELETE FROM audit_pending')
  await assert.rejects(node.store.reader.key(key.id), code('storage.integrity'))
  assert.match(node.refused[0]?.what ?? '', /is an old one put back|is version 2, the log says 1/)
  assert.equal(node.ask(secret.reveal()).record?.policy.grants.allow.patterns.length, 0)
  await eventually(() => node.store.isLeader())
  const { refused } = await node.store.sweep()
  assert.deepEqual(
    refused.map(({ id }) => id),
    [key.id],
  )
  await unconfirmed
}

async function batchesChanged(t: TestContext): Promise<void> {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const node = await openNode(t, url, temporaryFolder(t))
  const { size } = node.store.head()
  await holdLease(url, 1_000)
  const unconfirmed = [1, 2].map(async () =>
    assert.rejects(saveProjects(node.store, TARGETS_MAX + 1), code('storage.unconfirmed')),
  )
  await eventually(async () => (await asSuperuser(url, 'SELECT FROM audit_pending')).length === 2)
  await asSuperuser(
    url,
    `UPDATE audit_pending SET batch = CASE WHEN n = (SELECT min(n) FROM audit_pending) THEN
       convert_to(replace(convert_from(batch, 'UTF8'), '"version":1', '"version":2'), 'UTF8') END`,
  )
  const setAside = (): readonly string[] =>
    node.refused.filter(({ table }) => table === 'audit_pending').map(({ what }) => what)
  await eventually(() => setAside().length === 2)
  assert.deepEqual(new Set(setAside()), new Set(['has not the batch that it names']))
  assert.equal(node.store.head().size, size)
  const { refused } = await node.store.sweep()
  assert.equal(refused.filter(({ table }) => table === 'project').length, 2 * (TARGETS_MAX + 1))
  await anOwner(node)
  assert.equal(node.store.head().size, size + 1)
  await Promise.all(unconfirmed)
}

test('a row that was put back, deleted or invented is refused on PostgreSQL too, and named by the sweep', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const node = await openNode(t, url, folder)
  const [old, deleted, copied] = [await aKey(node), await aKey(node), await aKey(node)]
  await asSuperuser(url, 'CREATE TABLE public.earlier AS SELECT * FROM api_key')
  await revokeKey(node.domain, may('keys:revoke'), 'issued', old.key.id, 'keyCompromise')
  const invented = `${copied.key.id.slice(0, -1)}${copied.key.id.endsWith('0') ? '1' : '0'}`
  await asSuperuser(
    url,
    `DELETE FROM api_key WHERE id IN ('${old.key.id}', '${deleted.key.id}');
     INSERT INTO api_key SELECT * FROM public.earlier WHERE id = '${old.key.id}';
     UPDATE public.earlier SET id = '${invented}', locator = 'abcdefabcdef' WHERE id = '${copied.key.id}';
     INSERT INTO api_key SELECT * FROM public.earlier WHERE id = '${invented}'`,
  )
  await assert.rejects(node.store.reader.key(old.key.id), code('storage.integrity'))
  const { refused } = await node.store.sweep()
  const ids = [old.key.id, deleted.key.id, invented].toSorted()
  assert.deepEqual(refused.map(({ id }) => id).toSorted(), ids)
  const later = await openNode(t, url, folder)
  assert.deepEqual(
    [old, deleted].map(({ secret }) => later.ask(secret.reveal()).code),
    ['NOT_FOUND', 'NOT_FOUND'],
  )
  assert.equal(later.index.lookup('abcdefabcdef'), undefined)
  assert.equal(later.ask(copied.secret.reveal()).code, 'VALID')
})

test('a sweep finds nothing wrong in a database that two processes change meanwhile', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const nodes = [await openNode(t, url, folder), await openNode(t, url, folder)] as const
  const { key } = await aKey(nodes[0])
  const changing = Promise.all(
    nodes.map(async (node, i) => {
      for (let n = 0; n < 15; n++)
        await updateKey(node.domain, may('keys:update'), 'issued', key.id, { name: `${i}-${n}` })
    }),
  )
  for (let sweeps = 0; sweeps < 5; sweeps++) assert.deepEqual((await nodes[0].store.sweep()).refused, [])
  await changing
  assert.deepEqual((await nodes[1].store.sweep()).refused, [])
})

test('when the process that gives out positions is silent, another takes over within 5 seconds (T-24)', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const node = await openNode(t, url, temporaryFolder(t))
  // The most that a process which was stopped just after it renewed has left.
  await holdLease(url, 2_000)
  const before = performance.now()
  await anOwner(node)
  const tookMs = performance.now() - before
  assert.ok(tookMs > 1_000 && tookMs < 5_000, `${tookMs} ms`)
})

test('a lease for longer than anybody takes it is nobody’s', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const node = await openNode(t, url, temporaryFolder(t))
  await asSuperuser(url, "UPDATE audit_lease SET holder = 'x', until = 'infinity'")
  const before = performance.now()
  await anOwner(node)
  assert.ok(performance.now() - before < 2_000)
})
