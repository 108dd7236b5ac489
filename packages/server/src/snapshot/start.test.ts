// T-25: a snapshot that was forged, or is an old one, changes nothing.
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { aKey, aRole, rotated } from '../keys/keys.test-support.ts'
import { revokeKey } from '../keys/revoke.ts'
import { recordStart } from '../bootstrap.ts'
import { updateRole } from '../roles/update.ts'
import { ask, closeOnce, may, openWorld, SECOND, type World } from '../world.test-support.ts'

const fileOf = (world: World): string => join(world.folder, 'index.snapshot')

/** Stops in order and starts again; `meanwhile` is done to the folder between the two. */
async function restarted(t: TestContext, world: World, meanwhile = (): void => undefined): Promise<World> {
  await world.keeper.save()
  return startedAgain(t, world, meanwhile)
}

/** As after a kill: no snapshot is written. */
async function startedAgain(t: TestContext, world: World, meanwhile = (): void => undefined): Promise<World> {
  await closeOnce(world.store)
  meanwhile()
  return openWorld(t, { folder: world.folder, clock: world.clock })
}

/** Why the start has not used the snapshot; null when it has. */
function reasonOf(world: World): string | null {
  const line = world.logLines.find((each) => /"snapshot\.(not_)?used"/.test(each))
  assert.ok(line !== undefined)
  return (JSON.parse(line) as { readonly reason: string | null }).reason
}

const code = (world: World, text: string, permission: string | null = null): string =>
  ask(world, text, { permission }).code

test('a start from a snapshot answers as the process before did: keys, versions, roles, owners', async (t) => {
  const world = await openWorld(t)
  const role = await aRole(world, { permissions: ['orders:trade'] })
  const plain = await aKey(world, { roles: [role.id], expiresAt: world.clock.now + 10 * SECOND })
  const old = await aKey(world)
  const newer = await rotated(world, old.key.id, 60)
  const next = await restarted(t, world)
  assert.equal(reasonOf(next), null)
  assert.deepEqual({ ...next.index.lookup(plain.key.locator) }, { ...world.index.lookup(plain.key.locator) })
  assert.equal(code(next, plain.secret.reveal(), 'orders:trade'), 'VALID')
  for (const { secret } of [old, newer]) assert.equal(code(next, secret.reveal()), 'VALID')
  await updateRole(next.domain, may('roles:update'), role.id, { permissions: ['market:read'] })
  assert.equal(code(next, plain.secret.reveal(), 'orders:trade'), 'INSUFFICIENT_PERMISSIONS')
  next.clock.advance(61 * SECOND)
  assert.equal(code(next, plain.secret.reveal()), 'EXPIRED')
  assert.equal(code(next, old.secret.reveal()), 'EXPIRED')
  assert.equal(next.store.head().size, next.index.position)
})

test('changes go on after a start from a snapshot, and the next full start finds all of them', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const second = await restarted(t, world)
  const more = await aKey(second)
  await revokeKey(second.domain, may('keys:revoke'), 'issued', key.id, 'unspecified')
  const third = await startedAgain(t, second, () => rmSync(fileOf(second)))
  assert.equal(reasonOf(third), 'there is none')
  assert.equal(code(third, secret.reveal()), 'REVOKED')
  assert.equal(code(third, more.secret.reveal()), 'VALID')
  assert.deepEqual((await third.store.sweep()).refused, [])
})

test('an old genuine snapshot is caught up from the log: what was revoked after it stays revoked', async (t) => {
  const world = await openWorld(t)
  const [revoked, kept] = [await aKey(world), await aKey(world)]
  await world.keeper.save()
  await revokeKey(world.domain, may('keys:revoke'), 'issued', revoked.key.id, 'keyCompromise')
  const later = await aKey(world)
  const next = await startedAgain(t, world)
  assert.equal(reasonOf(next), null)
  assert.equal(code(next, revoked.secret.reveal()), 'REVOKED')
  for (const { secret } of [kept, later]) assert.equal(code(next, secret.reveal()), 'VALID')
  // And put back once more, over a newer one.
  copyFileSync(fileOf(next), join(next.folder, 'old'))
  const third = await restarted(t, next, () => copyFileSync(join(next.folder, 'old'), fileOf(next)))
  assert.equal(reasonOf(third), null)
  assert.equal(code(third, revoked.secret.reveal()), 'REVOKED')
})

test('a snapshot with a byte changed, or cut off, is left aside, and everything is read', async (t) => {
  const world = await openWorld(t)
  const { secret } = await aKey(world)
  await world.keeper.save()
  const genuine = readFileSync(fileOf(world))
  let last = world
  for (const at of [0, 1, genuine.length >> 2, genuine.length >> 1, genuine.length - 1]) {
    const changed = Buffer.from(genuine)
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
    for (const bytes of [changed, genuine.subarray(0, at)]) {
      last = await startedAgain(t, last, () => writeFileSync(fileOf(world), bytes))
      assert.notEqual(reasonOf(last), null)
      assert.equal(code(last, secret.reveal()), 'VALID')
    }
  }
})

test('the snapshot of another installation is left aside, even one under the same root key', async (t) => {
  const [world, other] = [await openWorld(t), await openWorld(t)]
  const { secret } = await aKey(world)
  for (let i = 0; i < 5; i++) await aKey(world)
  await aKey(other)
  await other.keeper.save()
  const next = await startedAgain(t, world, () => copyFileSync(fileOf(other), fileOf(world)))
  assert.match(reasonOf(next) ?? '', /the log has another root at size/)
  assert.equal(code(next, secret.reveal()), 'VALID')
})

test('a snapshot that is ahead of the database is left aside, and the guard refuses the database', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  world.database.writer.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  copyFileSync(join(world.folder, 'keystead.db'), join(world.folder, 'copy'))
  await revokeKey(world.domain, may('keys:revoke'), 'issued', key.id, 'unspecified')
  await world.publisher.publish()
  await world.keeper.save()
  const putBack = (): void => {
    for (const suffix of ['-wal', '-shm']) rmSync(join(world.folder, `keystead.db${suffix}`), { force: true })
    copyFileSync(join(world.folder, 'copy'), join(world.folder, 'keystead.db'))
  }
  await assert.rejects(startedAgain(t, world, putBack), /behind the last checkpoint that was signed/)
  // Accepted by an operator, it grows past the snapshot's size: that is not the snapshot's log.
  const second = await openWorld(t, { folder: world.folder, clock: world.clock, newEpoch: true })
  assert.match(reasonOf(second) ?? '', /^it is at size \d+, the log at \d+$/)
  for (let i = 0; i < 5; i++) await aKey(second)
  const third = await startedAgain(t, second)
  assert.match(reasonOf(third) ?? '', /the log has another root at size/)
  assert.equal(code(third, secret.reveal()), 'VALID')
})

test('a row that was changed while the server was stopped is not believed, and the sweep names it', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const { secret: other } = await aKey(world)
  await revokeKey(world.domain, may('keys:revoke'), 'issued', key.id, 'unspecified')
  await world.keeper.save()
  world.database.writer.exec(
    `UPDATE api_key SET state = 'active', version = 1 WHERE id = '${key.id}'; DELETE FROM api_key WHERE id != '${key.id}' AND kind = 'key'`,
  )
  const next = await startedAgain(t, world)
  assert.equal(reasonOf(next), null)
  assert.equal(code(next, secret.reveal()), 'REVOKED')
  assert.equal(code(next, other.reveal()), 'VALID')
  await assert.rejects(next.store.reader.key(key.id), /storage.integrity/)
  assert.equal((await next.store.sweep()).refused.length, 2)
})

test('a log that was changed after the snapshot refuses the start', async (t) => {
  const world = await openWorld(t)
  await world.keeper.save()
  await aKey(world)
  await recordStart(world.domain, world.emitter)
  world.database.writer.exec(
    `DROP TRIGGER audit_entry_is_final;
     UPDATE audit_entry SET leaf = (SELECT leaf FROM audit_entry WHERE position = 1) WHERE position = ${world.store.head().size - 1}`,
  )
  // Put back, so that only the leaf is wrong.
  world.database.writer.exec(
    `CREATE TRIGGER audit_entry_is_final BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`,
  )
  await assert.rejects(startedAgain(t, world), /the log is not what was written: the hash of leaf 3/)
})

test('while a row is refused no snapshot is written, so that each start looks for it', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const good = world.database.writer.prepare('SELECT name FROM api_key WHERE id = ?').get(key.id)
  world.database.writer.exec(`UPDATE api_key SET name = 'x' WHERE id = '${key.id}'`)
  const next = await startedAgain(t, world)
  await next.keeper.save()
  const line = next.logLines.find((each) => each.includes('snapshot.not_written'))
  assert.match(line ?? '', /something is withdrawn/)
  next.database.writer.prepare('UPDATE api_key SET name = ? WHERE id = ?').run(String(good?.['name']), key.id)
  const third = await startedAgain(t, next)
  assert.equal(code(third, secret.reveal()), 'VALID')
})

test('what changes while a snapshot is written is not in it, and is caught up', async (t) => {
  const world = await openWorld(t)
  const keys = []
  for (let i = 0; i < 20; i++) keys.push(await aKey(world))
  const { size } = world.store.head()
  const saving = world.keeper.save()
  const revoking = keys.map(async ({ key }) =>
    revokeKey(world.domain, may('keys:revoke'), 'issued', key.id, 'unspecified'),
  )
  await Promise.all([saving, ...revoking])
  const line = world.logLines.find((each) => each.includes('snapshot.written'))
  assert.equal((JSON.parse(line ?? '{}') as { readonly size: number }).size, size)
  const next = await startedAgain(t, world)
  assert.equal(reasonOf(next), null)
  for (const { secret } of keys) assert.equal(code(next, secret.reveal()), 'REVOKED')
})

test('a snapshot is written when enough has changed, and not again before', async (t) => {
  const world = await openWorld(t)
  const written = (): number => world.logLines.filter((each) => each.includes('snapshot.written')).length
  await world.keeper.keep()
  assert.equal(written(), 0)
  const [key] = [await aKey(world)].map((issued) => issued.key)
  assert.ok(key)
  const changes = {
    keys: Array.from({ length: 10_000 }, () => key),
    owners: [],
    roles: [],
    importSources: [],
    withdrawn: [],
  }
  for (let i = 0; i < 2; i++) world.index.add(changes)
  await world.keeper.keep()
  await world.keeper.keep()
  assert.equal(written(), 1)
  await world.keeper.save()
  assert.equal(written(), 1)
  await aKey(world)
  await world.keeper.save()
  assert.equal(written(), 2)
})

test('a snapshot that cannot be written is said in the log, and costs nothing else', async (t) => {
  const world = await openWorld(t)
  const { secret } = await aKey(world)
  mkdirSync(`${fileOf(world)}.new`)
  await world.keeper.save()
  assert.ok(world.logLines.some((each) => each.includes('"snapshot.not_written"')))
  rmSync(`${fileOf(world)}.new`, { recursive: true })
  await world.keeper.save()
  const next = await startedAgain(t, world)
  assert.equal(reasonOf(next), null)
  assert.equal(code(next, secret.reveal()), 'VALID')
})
