// T-07: an old database put back is refused, unless an operator says so, and then the log says so too.
import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseAuditEvent } from '@keystead/protocol/audit-event'
import { parseVerifierKey } from '@keystead/protocol/checkpoint'
import { StartError } from '../errors.ts'
import { sha256 } from '../hash.ts'
import { newProject, saveProject } from '../storage/contract.test-support.ts'
import { closeOnce, openWorld, type World } from '../world.test-support.ts'

const DATABASE = 'keystead.db'

const originName = (world: World): string => parseVerifierKey(sha256, world.publisher.verifierKey).name

const again = async (t: TestContext, world: World, newEpoch = false): Promise<World> => {
  await closeOnce(world.store)
  return openWorld(t, { folder: world.folder, clock: world.clock, newEpoch })
}

const refusal = (pattern: RegExp) => (error: unknown) =>
  error instanceof StartError && pattern.test(error.message) && !error.message.includes('\n')

function keepCopy(world: World): void {
  world.database.writer.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  copyFileSync(join(world.folder, DATABASE), join(world.folder, 'copy'))
}

/** Closes the world and puts the copy back. */
async function putBack(world: World): Promise<void> {
  await closeOnce(world.store)
  for (const suffix of ['-wal', '-shm']) rmSync(join(world.folder, DATABASE + suffix), { force: true })
  copyFileSync(join(world.folder, 'copy'), join(world.folder, DATABASE))
}

/** A log that was signed at a size beyond the copy that was kept. */
async function aheadOfItsCopy(t: TestContext): Promise<World> {
  const world = await openWorld(t)
  keepCopy(world)
  await saveProject(world.store, newProject())
  await world.publisher.publish()
  return world
}

test('an accepted rollback goes on under a new origin, and the log names what had been signed before', async (t) => {
  const world = await aheadOfItsCopy(t)
  const [signedOrigin, signedSize] = [originName(world), world.store.head().size]
  await putBack(world)
  await assert.rejects(again(t, world), refusal(/behind the last checkpoint that was signed/))
  const next = await again(t, world, true)
  assert.equal(originName(next), `${signedOrigin}/2`)
  const [position] = await next.store.reader.auditPositions(
    { targetId: null, action: 'log.epoch_started' },
    -1,
    2,
  )
  const [entry] = await next.store.reader.auditEntries(position ?? -1, 1)
  const { details } = parseAuditEvent(entry?.bytes ?? new Uint8Array())
  assert.deepEqual(
    [details['epoch'], details['signedOrigin'], details['signedSize']],
    [2, signedOrigin, signedSize],
  )
  assert.equal(next.publisher.last?.size, next.store.head().size)
  const third = await again(t, next)
  assert.equal(originName(third), `${signedOrigin}/2`)
  assert.equal((await saveProject(third.store, newProject())).position, third.store.head().size - 1)
})

test('a database of an earlier epoch that is put back is refused, and accepted it starts one more', async (t) => {
  const world = await aheadOfItsCopy(t)
  const origin = originName(world)
  await putBack(world)
  const second = await again(t, world, true)
  await second.publisher.publish()
  await putBack(second)
  await assert.rejects(again(t, second), refusal(/behind the last checkpoint that was signed/))
  assert.equal(originName(await again(t, second, true)), `${origin}/3`)
})

test('a crash between the new epoch and its first checkpoint is no second rollback', async (t) => {
  const world = await aheadOfItsCopy(t)
  const guard = readFileSync(join(world.folder, 'checkpoint.guard'))
  await putBack(world)
  const second = await again(t, world, true)
  await closeOnce(second.store)
  writeFileSync(join(world.folder, 'checkpoint.guard'), guard)
  assert.equal(originName(await again(t, second)), originName(second))
})

test('where there is no rollback, none is accepted', async (t) => {
  const world = await openWorld(t)
  await world.publisher.publish()
  await assert.rejects(again(t, world, true), refusal(/no rollback to accept/))
})

test('the guard file of another installation is refused, with the flag too', async (t) => {
  const [world, other] = [await openWorld(t), await openWorld(t)]
  await other.publisher.publish()
  copyFileSync(join(other.folder, 'checkpoint.guard'), join(world.folder, 'checkpoint.guard'))
  for (const newEpoch of [false, true])
    await assert.rejects(again(t, world, newEpoch), refusal(/of another log/))
})
