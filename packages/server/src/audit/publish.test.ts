import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openNote, parseCheckpoint, parseVerifierKey } from '@keystead/protocol/checkpoint'
import { leafHash, verifyConsistency } from '@keystead/protocol/merkle'
import { StartError } from '../errors.ts'
import { sha256, verifyEd25519 } from '../hash.ts'
import { Secret } from '../secret.ts'
import { openKeyring } from '../keystore/keyring.ts'
import { code, newProject, saveProject } from '../storage/contract.test-support.ts'
import { closeOnce, openWorld, testKeyring, type World } from '../world.test-support.ts'
import { CheckpointPublisher } from './publish.ts'
import { proveConsistency } from './prove.ts'

const logKey = (world: World) => parseVerifierKey(sha256, world.publisher.verifierKey)

const publisherOptions = (world: World, guardFile = join(world.folder, 'checkpoint.guard')) => ({
  store: world.store,
  keyring: testKeyring(),
  origin: logKey(world).name,
  guardFile,
  log: world.log,
})

const restart = async (t: TestContext, world: World): Promise<World> => {
  await closeOnce(world.store)
  return openWorld(t, { folder: world.folder, clock: world.clock })
}

const refusal = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StartError, String(error))
  assert.match(error.message, pattern)
  assert.doesNotMatch(error.message, /\n/)
  return true
}

/** What somebody does who can write the file: the triggers stop nobody, and are put back so that the schema shows nothing. */
function asIntruder(world: World, sql: string): void {
  const { writer } = world.database
  const triggers = writer.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
  for (const { name } of triggers) writer.exec(`DROP TRIGGER ${String(name)}`)
  writer.exec(sql)
  for (const trigger of triggers) writer.exec(String(trigger['sql']))
}

async function assertHalted(world: World): Promise<void> {
  assert.equal(await world.publisher.publish(), null)
  assert.match(world.store.halted() ?? '', /not written by this server|another root on disk/)
  assert.ok(world.logLines.some((line) => line.includes('"audit.halted"')))
  const { size } = world.store.head()
  await assert.rejects(saveProject(world.store, newProject()), code('audit.halted'))
  assert.equal(world.store.head().size, size)
}

test('the checkpoint of every size is signed by the log key, and each continues the one before', async (t) => {
  const world = await openWorld(t)
  assert.deepEqual(logKey(world).publicKey, testKeyring().checkpointPublicKey)
  let before = world.store.head()
  for (let i = 0; i < 70; i++) {
    await saveProject(world.store, newProject())
    const signed = await world.publisher.publish()
    const opened = openNote(signed?.note ?? '', [logKey(world)], verifyEd25519)
    assert.equal(opened.signedBy.length, 1)
    const checkpoint = parseCheckpoint(opened.text)
    assert.deepEqual(checkpoint, { origin: logKey(world).name, ...world.store.head() })
    const proof = await proveConsistency(world.store.reader, before.size, checkpoint.size)
    assert.ok(verifyConsistency(sha256, before.size, checkpoint.size, proof, before.root, checkpoint.root))
    before = world.store.head()
  }
})

test('nothing new is signed while the log does not grow', async (t) => {
  const world = await openWorld(t)
  const signed = await world.publisher.publish()
  assert.equal(await world.publisher.publish(), signed)
  assert.equal(world.publisher.last, signed)
})

test('the guard file holds the last signed checkpoint', async (t) => {
  const world = await openWorld(t)
  await saveProject(world.store, newProject())
  const signed = await world.publisher.publish()
  assert.equal(readFileSync(join(world.folder, 'checkpoint.guard'), 'utf8'), signed?.note)
})

test('a log of many leaves that was never signed is checked in parts and signed', async (t) => {
  const world = await openWorld(t)
  await Promise.all(Array.from({ length: 2_100 }, async () => saveProject(world.store, newProject())))
  assert.equal((await world.publisher.publish())?.size, 2_101)
})

test('a leaf that was changed by SQL before it was signed halts everything', async (t) => {
  const world = await openWorld(t)
  await saveProject(world.store, newProject())
  asIntruder(
    world,
    `UPDATE audit_entry SET leaf = CAST(replace(CAST(leaf AS TEXT), 'success', 'denied') AS BLOB) WHERE position = 1`,
  )
  await assertHalted(world)
})

test('a leaf that was changed by SQL together with its hash halts everything', async (t) => {
  const world = await openWorld(t)
  await saveProject(world.store, newProject())
  const [entry] = await world.store.reader.auditEntries(1, 1)
  const text = Buffer.from(entry?.bytes ?? [])
    .toString('utf8')
    .replace('"outcome":"success"', '"outcome":"denied"')
  const leaf = Buffer.from(text)
  asIntruder(
    world,
    `UPDATE audit_entry SET leaf = x'${leaf.toString('hex')}', leaf_hash = x'${Buffer.from(leafHash(sha256, leaf)).toString('hex')}' WHERE position = 1`,
  )
  await assertHalted(world)
})

test('a leaf that was removed, or is there twice, halts everything', async (t) => {
  for (const sql of [
    'DELETE FROM audit_entry WHERE position = 2',
    'UPDATE audit_entry SET (leaf, leaf_hash) = (SELECT leaf, leaf_hash FROM audit_entry WHERE position = 1) WHERE position = 2',
  ]) {
    const world = await openWorld(t)
    await saveProject(world.store, newProject())
    await saveProject(world.store, newProject())
    asIntruder(world, sql)
    await assertHalted(world)
  }
})

test('a leaf that was added by SQL is never signed: changes are refused, and the next start too', async (t) => {
  const world = await openWorld(t)
  while (world.store.head().size % 2 === 1) await saveProject(world.store, newProject())
  await world.publisher.publish()
  const { size } = world.store.head()
  asIntruder(
    world,
    `INSERT INTO audit_entry SELECT ${size}, leaf, leaf_hash, action, batch FROM audit_entry WHERE position = 1`,
  )
  await assert.rejects(saveProject(world.store, newProject()), code('audit.halted'))
  assert.equal((await world.publisher.publish())?.size, size)
  // Its leaf is one of ours, put there again; its root is not what a later start may sign over what it did not write.
  asIntruder(world, `UPDATE audit_entry SET leaf = x'7b7d' WHERE position = ${size}`)
  await assert.rejects(restart(t, world), refusal(/changed outside Keystead: the log/))
})

test('a node of the tree that was changed by SQL is found at the next start', async (t) => {
  const world = await openWorld(t)
  while (world.store.head().size < 4) await saveProject(world.store, newProject())
  await world.publisher.publish()
  asIntruder(world, 'UPDATE audit_node SET hash = zeroblob(32) WHERE level = 2 AND idx = 0')
  await assert.rejects(
    restart(t, world),
    refusal(/changed outside Keystead: the log|not the one of the last checkpoint that was signed/),
  )
})

test('a checkpoint that was changed by SQL is found at the next start', async (t) => {
  const world = await openWorld(t)
  await world.publisher.publish()
  asIntruder(world, `UPDATE audit_checkpoint SET note = replace(note, 'keystead/ins', 'keystead/int')`)
  await assert.rejects(restart(t, world), refusal(/not signed by this installation's key/))
})

test('a checkpoint of another installation is refused', async (t) => {
  const world = await openWorld(t)
  using root = new Secret(new Uint8Array(32).fill(8))
  const options = { ...publisherOptions(world), keyring: openKeyring(root) }
  await assert.rejects(CheckpointPublisher.open(options), refusal(/not signed by this installation's key/))
})

test('an old copy of the database that was put back is refused', async (t) => {
  const world = await openWorld(t)
  await world.publisher.publish()
  world.database.writer.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const path = join(world.folder, 'keystead.db')
  copyFileSync(path, `${path}.copy`)
  await saveProject(world.store, newProject())
  await world.publisher.publish()
  await closeOnce(world.store)
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true })
  copyFileSync(`${path}.copy`, path)
  await assert.rejects(
    openWorld(t, { folder: world.folder, clock: world.clock }),
    refusal(/behind the last checkpoint that was signed .*an old copy was put back/),
  )
})

test('an old copy that has grown as far by other changes is refused too', async (t) => {
  const world = await openWorld(t)
  world.database.writer.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const path = join(world.folder, 'keystead.db')
  const guard = join(world.folder, 'checkpoint.guard')
  copyFileSync(path, `${path}.copy`)
  await saveProject(world.store, newProject('one'))
  await world.publisher.publish()
  const kept = readFileSync(guard)
  await closeOnce(world.store)
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true })
  copyFileSync(`${path}.copy`, path)
  rmSync(guard)
  const forked = await openWorld(t, { folder: world.folder, clock: world.clock })
  await saveProject(forked.store, newProject('other'))
  await forked.publisher.publish()
  writeFileSync(guard, kept)
  await assert.rejects(restart(t, forked), refusal(/not the one of the last checkpoint that was signed/))
})

test('a guard file that is damaged is refused', async (t) => {
  const world = await openWorld(t)
  writeFileSync(join(world.folder, 'checkpoint.guard'), 'garbage')
  await assert.rejects(restart(t, world), refusal(/not signed by this installation's key/))
})

test('a restart goes on where the log was, and signs what a crash left unsigned', async (t) => {
  const world = await openWorld(t)
  await world.publisher.publish()
  await saveProject(world.store, newProject())
  await saveProject(world.store, newProject())
  const head = world.store.head()
  const second = await restart(t, world)
  assert.deepEqual(second.store.head(), head)
  assert.equal(second.publisher.last?.size, head.size)
  assert.equal((await saveProject(second.store, newProject())).position, head.size)
  assert.equal((await second.publisher.publish())?.size, head.size + 1)
})

test('a guard file that cannot be written holds signing up until it can, and loses nothing', async (t) => {
  const world = await openWorld(t)
  const folder = join(world.folder, 'guards')
  mkdirSync(folder)
  const publisher = await CheckpointPublisher.open(publisherOptions(world, join(folder, 'guard')))
  await saveProject(world.store, newProject())
  rmSync(folder, { recursive: true })
  await assert.rejects(publisher.publish())
  assert.equal(existsSync(folder), false)
  mkdirSync(folder)
  assert.equal((await publisher.publish())?.size, world.store.head().size)
  assert.ok(existsSync(join(folder, 'guard')))
})

test('two calls at once sign once', async (t) => {
  const world = await openWorld(t)
  await saveProject(world.store, newProject())
  const [one, other] = await Promise.all([world.publisher.publish(), world.publisher.publish()])
  assert.equal(one, other)
})
