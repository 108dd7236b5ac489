import assert from 'node:assert/strict'
import { test } from 'node:test'
import { destructionJob } from '../jobs/destruction.ts'
import { runJobs } from '../jobs/job.ts'
import { code } from '../storage/contract.test-support.ts'
import { ask, closeOnce, DAY, HOUR, may, openWorld, SECOND, type World } from '../world.test-support.ts'
import { cancelRotation } from './cancel-rotation.ts'
import { cancelDestruction, scheduleDestruction } from './destroy.ts'
import { aKey, aRootKey, rotated, suspended } from './keys.test-support.ts'
import { revokeKey } from './revoke.ts'
import { resumeKey, suspendKey } from './suspend.ts'
import { updateKey } from './update.ts'

const resumed = async (world: World, id: string) => resumeKey(world.domain, may('keys:suspend'), 'issued', id)
const cancelled = async (world: World, id: string) => cancelRotation(world.domain, may('keys:rotate'), id)
const destroyed = async (world: World, id: string, seconds: number) =>
  scheduleDestruction(world.domain, may('keys:destroy'), id, seconds)
const round = async (world: World) => runJobs([destructionJob], { domain: world.domain, log: world.log })

test('a suspended key is refused with all its versions when suspend answers, and accepted again when resume does', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const next = await rotated(world, key.id, 3_600)
  const texts = [secret.reveal(), next.secret.reveal()]
  await suspended(world, key.id)
  for (const text of texts) assert.equal(ask(world, text).code, 'SUSPENDED')
  await closeOnce(world.store)
  const again = await openWorld(t, { folder: world.folder, clock: world.clock })
  for (const text of texts) assert.equal(ask(again, text).code, 'SUSPENDED')
  await resumed(again, key.id)
  for (const text of texts) assert.equal(ask(again, text).code, 'VALID')
})

test('only a suspended key is resumed, and a final one is neither suspended nor resumed', async (t) => {
  const world = await openWorld(t)
  const { key } = await aKey(world)
  const early = await aKey(world, { notBefore: world.clock.now + HOUR })
  for (const id of [key.id, early.key.id])
    await assert.rejects(resumed(world, id), code('key.illegal_transition'))
  await suspended(world, key.id)
  await assert.rejects(suspended(world, key.id), code('key.illegal_transition'))
  await revokeKey(world.domain, may('keys:revoke'), 'issued', key.id, 'unspecified')
  await assert.rejects(suspended(world, key.id), code('key.illegal_transition'))
  await assert.rejects(resumed(world, key.id), code('key.illegal_transition'))
})

test('time goes on while a key is suspended', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world, { expiresAt: world.clock.now + HOUR })
  await suspended(world, key.id)
  world.clock.advance(HOUR)
  await resumed(world, key.id)
  assert.equal(ask(world, secret.reveal()).code, 'EXPIRED')
})

test('a root key is resumed only by who could have given it (T-09)', async (t) => {
  const world = await openWorld(t)
  const { key } = await aRootKey(world, { permissions: ['*'] })
  await suspendKey(world.domain, may('root-keys:suspend'), 'root', key.id, 'unspecified')
  const narrow = may('root-keys:suspend', { permissions: ['root-keys:suspend'] })
  await assert.rejects(resumeKey(world.domain, narrow, 'root', key.id), code('access.escalation'))
})

test('a rotation that is taken back ends the new secret at once and lets the old one go on', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const next = await rotated(world, key.id, 3_600)
  const back = await cancelled(world, key.id)
  assert.deepEqual(
    [ask(world, next.secret.reveal()).code, ask(world, secret.reveal()).code],
    ['EXPIRED', 'VALID'],
  )
  world.clock.advance(30 * DAY)
  assert.equal(ask(world, secret.reveal()).code, 'VALID')
  assert.deepEqual(
    back.versions.map(({ number, acceptedUntil }) => [number, acceptedUntil === null]),
    [
      [2, false],
      [1, true],
    ],
  )
  const third = await rotated(world, key.id, 60)
  assert.equal(third.key.versions[0]?.number, 3, 'a number is never given twice')
  assert.equal(third.previousAcceptedUntil, world.clock.now + 60 * SECOND)
  assert.equal(ask(world, secret.reveal()).version, 1)
})

test('without a version in its overlap there is no rotation to take back', async (t) => {
  const world = await openWorld(t)
  const { key } = await aKey(world)
  await assert.rejects(cancelled(world, key.id), code('key.no_rotation'))
  await rotated(world, key.id, 3_600)
  world.clock.advance(HOUR)
  await assert.rejects(cancelled(world, key.id), code('key.no_rotation'))
  await rotated(world, key.id, 0)
  await assert.rejects(cancelled(world, key.id), code('key.no_rotation'))
})

test('a key in use cannot be destroyed', async (t) => {
  const world = await openWorld(t)
  const { key } = await aKey(world)
  await assert.rejects(destroyed(world, key.id, 0), code('key.illegal_transition'))
})

test('a destruction waits for its time, can be called off, and leaves a tombstone that nothing can change', async (t) => {
  const world = await openWorld(t)
  const [kept, gone] = [await aKey(world), await aKey(world, { name: 'secret project', roles: [] })]
  for (const { key } of [kept, gone]) {
    await revokeKey(world.domain, may('keys:revoke'), 'issued', key.id, 'superseded')
    await destroyed(world, key.id, DAY / SECOND)
  }
  await cancelDestruction(world.domain, may('keys:destroy'), kept.key.id)
  await assert.rejects(
    cancelDestruction(world.domain, may('keys:destroy'), kept.key.id),
    code('key.no_destruction'),
  )
  await round(world)
  assert.equal(ask(world, gone.secret.reveal()).code, 'REVOKED')
  world.clock.advance(DAY)
  await round(world)
  assert.equal(ask(world, kept.secret.reveal()).code, 'REVOKED')
  assert.equal(ask(world, gone.secret.reveal()).code, 'NOT_FOUND')
  const tombstone = await world.store.reader.key(gone.key.id)
  assert.deepEqual(
    [tombstone?.state, tombstone?.name, tombstone?.permissions, tombstone?.versions, tombstone?.destroyAt],
    ['destroyed', '', [], [], null],
  )
  assert.deepEqual(
    [tombstone?.locator, tombstone?.ownerId, tombstone?.revocationReason],
    [gone.key.locator, gone.key.ownerId, 'superseded'],
  )
  const stored = world.database.reader.prepare('SELECT * FROM api_key WHERE id = ?').get(gone.key.id)
  assert.ok(!JSON.stringify(stored).includes(gone.key.versions[0]?.digest ?? 'none'))
  for (const change of [
    () => suspended(world, gone.key.id),
    () => resumed(world, gone.key.id),
    () => updateKey(world.domain, may('keys:update'), 'issued', gone.key.id, { name: 'x' }),
    () => revokeKey(world.domain, may('keys:revoke'), 'issued', gone.key.id, 'unspecified'),
    () => destroyed(world, gone.key.id, 0),
  ])
    await assert.rejects(change(), code('key.illegal_transition'))
})

test('a suspended key that is resumed is not destroyed', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  await suspended(world, key.id)
  await destroyed(world, key.id, 60)
  await resumed(world, key.id)
  world.clock.advance(DAY)
  await round(world)
  assert.equal(ask(world, secret.reveal()).code, 'VALID')
})

test('many destructions at once are all done in one round', async (t) => {
  const world = await openWorld(t)
  const keys = await Promise.all(Array.from({ length: 250 }, async () => aKey(world)))
  await Promise.all(
    keys.map(async ({ key }) => {
      await suspended(world, key.id)
      await destroyed(world, key.id, 0)
    }),
  )
  await round(world)
  for (const { key } of keys) assert.equal((await world.store.reader.key(key.id))?.state, 'destroyed')
})
