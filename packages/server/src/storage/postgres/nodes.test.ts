import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aKey, anOwner } from '../../keys/keys.test-support.ts'
import { revokeKey } from '../../keys/revoke.ts'
import { rotateKey } from '../../keys/rotate.ts'
import { updateKey } from '../../keys/update.ts'
import { closeOnce, may, temporaryFolder } from '../../world.test-support.ts'
import {
  code,
  event,
  newOwner,
  newProject,
  PROVENANCE,
  saveProject,
  saveProjects,
} from '../contract.test-support.ts'
import { asSuperuser, temporaryDatabase } from './database.test-support.ts'
import { eventually, openNode } from './nodes.test-support.ts'

test('two processes on one database agree: issued by one, valid in the other, revoked by one, refused in the other', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const a = await openNode(t, url, folder)
  const b = await openNode(t, url, folder)
  assert.deepEqual([a.store.isLeader(), b.store.isLeader()], [true, false])
  const { key, secret } = await aKey(a)
  await eventually(() => b.ask(secret.reveal()).code === 'VALID')
  const rotated = await rotateKey(b.domain, may('keys:rotate'), 'issued', key.id, {
    overlapSeconds: 0,
    reason: 'scheduled',
  })
  assert.equal(b.ask(rotated.secret.reveal()).code, 'VALID')
  await eventually(() => a.ask(secret.reveal()).code === 'EXPIRED')
  await revokeKey(a.domain, may('keys:revoke'), 'issued', key.id, 'keyCompromise')
  // Revoked means revoked here, at once, and there as soon as the log has been followed.
  assert.equal(a.ask(rotated.secret.reveal()).code, 'REVOKED')
  await eventually(() => b.ask(rotated.secret.reveal()).code === 'REVOKED')
  assert.deepEqual(a.store.head(), b.store.head())
})

test('a change of more objects than a leaf can name reaches every process, before and after a start', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const a = await openNode(t, url, folder)
  const b = await openNode(t, url, folder)
  await saveProjects(b.store, 100)
  await eventually(() => a.store.head().size === b.store.head().size)
  const c = await openNode(t, url, folder)
  for (const { store } of [a, b, c]) assert.deepEqual((await store.sweep()).refused, [])
})

test('both processes sign and serve the same checkpoints, whoever leads', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const [a, b] = [await openNode(t, url, folder), await openNode(t, url, folder)]
  const [signing, following] = [await a.publisher(), await b.publisher()]
  for (let i = 0; i < 5; i++) {
    await aKey(i % 2 === 0 ? a : b)
    await eventually(() => a.store.head().size === b.store.head().size)
    const signed = await signing.publish()
    assert.deepEqual(await following.publish(), signed)
    assert.equal(signed?.size, a.store.head().size)
  }
  await closeOnce(a.store)
  await eventually(() => b.store.isLeader())
  await aKey(b)
  assert.equal((await following.publish())?.size, b.store.head().size)
})

test('of several processes that start on an empty database at once, one makes the installation', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const nodes = await Promise.all(Array.from({ length: 3 }, async () => openNode(t, url, folder)))
  const ids = await Promise.all(nodes.map(async ({ store }) => (await store.reader.installation())?.id))
  assert.equal(new Set(ids).size, 1)
  assert.equal((await asSuperuser(url, 'SELECT FROM installation')).length, 1)
  assert.equal(
    (await asSuperuser(url, "SELECT FROM audit_entry WHERE action = 'installation.initialized'")).length,
    1,
  )
})

test('changes of one key by two processes at once are all done, one after the other', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const nodes = [await openNode(t, url, folder), await openNode(t, url, folder)] as const
  const { key } = await aKey(nodes[0])
  await Promise.all(
    Array.from({ length: 20 }, async (_, i) =>
      updateKey(nodes[i % 2 === 0 ? 0 : 1].domain, may('keys:update'), 'issued', key.id, { name: `n${i}` }),
    ),
  )
  for (const { store } of nodes) assert.equal((await store.reader.key(key.id))?.version, 21)
})

test('of two processes that create the same owner, one is told that it is there', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const [a, b] = [await openNode(t, url, folder), await openNode(t, url, folder)]
  const create = async (node: typeof a): Promise<unknown> => {
    const owner = { ...newOwner(newProject()), projectId: node.projectId, externalId: 'same' }
    return node.store.transact(PROVENANCE, async (tx) => {
      if ((await tx.ownerByExternalId(owner.projectId, 'same')) !== null) throw new Error('exists')
      await tx.saveOwner(null, owner)
      tx.record(event('owner.created'))
    })
  }
  const answers = await Promise.allSettled([create(a), create(b)])
  const refused = answers.filter((answer) => answer.status === 'rejected')
  assert.deepEqual(
    refused.map(({ reason }) => String(reason)),
    ['Error: exists'],
  )
})

test('a change that commits late gets a later position, and nobody who follows skips it', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const [a, b] = [await openNode(t, url, folder), await openNode(t, url, folder)]
  // Holds back every commit of one action, at the COMMIT, after its number has been drawn.
  await asSuperuser(
    url,
    `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF NEW.action = 'project.created' THEN PERFORM pg_sleep(0.3); END IF; RETURN NULL; END $$;
     CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON audit_pending DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION hold()`,
  )
  const late = saveProject(a.store, newProject('late'))
  const early = await anOwner(b)
  const { position } = await late
  const [first] = await b.store.reader.auditPositions({ targetId: early.id, action: null }, -1, 1)
  assert.ok(first !== undefined && position !== null && position > first)
  const numbers = await asSuperuser(url, 'SELECT last_value FROM audit_pending_n_seq')
  assert.ok(Number(numbers[0]?.['last_value']) >= 2)
  await eventually(() => b.store.head().size === a.store.head().size)
  const entries = await b.store.reader.auditEntries(0, 100)
  assert.deepEqual(
    entries.map((entry) => entry.position),
    [...entries.keys()],
  )
})

test('what a change was decided on still holds when it commits, though another process changed it meanwhile', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const [a, b] = [await openNode(t, url, folder), await openNode(t, url, folder)]
  const { key } = await aKey(a)
  await eventually(() => b.store.head().size === a.store.head().size)
  const seen: string[] = []
  let overtaken = false
  // Copies the name of the key into an owner, and is overtaken the first time, after it has read and before it commits.
  const copying = b.store.transact(PROVENANCE, async (tx) => {
    const read = await tx.key(key.id)
    if (seen.length === 0)
      void updateKey(a.domain, may('keys:update'), 'issued', key.id, { name: 'new' }).then(() => {
        overtaken = true
      })
    seen.push(read?.name ?? '')
    await tx.saveOwner(null, { ...newOwner(newProject()), projectId: b.projectId, name: read?.name ?? '' })
    tx.record(event('owner.created'))
    while (!overtaken) await tx.project(newProject().id)
  })
  await copying
  assert.deepEqual([seen.length > 1, seen.at(-1)], [true, 'new'])
})

test('a lost notification costs one poll, never a change', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const [a, b] = [await openNode(t, url, folder), await openNode(t, url, folder)]
  const deaf =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN keystead'"
  assert.equal((await asSuperuser(url, deaf)).length, 2)
  const { secret } = await aKey(a)
  await eventually(() => b.ask(secret.reveal()).code === 'VALID')
})

test('what a process holds is as old as its last look at the log, by whichever clock says more', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const node = await openNode(t, url, temporaryFolder(t))
  assert.ok(node.store.ageMs() < 5_000)
  node.clock.advance(60_000)
  assert.ok(node.store.ageMs() >= 55_000)
  await eventually(() => node.store.ageMs() < 5_000)
})

test('a leaf or a head that was changed by SQL stops every process: nothing is changed, nothing is accepted (T-06)', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const [a, b] = [await openNode(t, url, folder), await openNode(t, url, folder)]
  await asSuperuser(url, 'UPDATE audit_head SET size = size - 1')
  await eventually(() => a.store.halted() !== null && b.store.halted() !== null)
  await assert.rejects(aKey(a), code('audit.halted'))
  a.clock.advance(60_000)
  await new Promise((turn) => setImmediate(turn))
  assert.ok(a.store.ageMs() >= 55_000)
})
