// What happens by itself: rotations that come due, overlaps that end early, keys that nobody uses.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { parseAuditEvent } from '@keystead/protocol/audit-event'
import { VERSIONS_HELD_MAX } from '@keystead/protocol/decision'
import { recordStart } from '../bootstrap.ts'
import { cancelRotation } from '../keys/cancel-rotation.ts'
import type { Issued } from '../keys/issue.ts'
import { aKey, rotated } from '../keys/keys.test-support.ts'
import { updatePolicy } from '../projects/policy.ts'
import { code } from '../storage/contract.test-support.ts'
import type { EnvironmentPolicy } from '../storage/records.ts'
import {
  ask,
  closeOnce,
  countUses,
  DAY,
  HOUR,
  may,
  openWorld,
  SECOND,
  testEmitter,
  type World,
} from '../world.test-support.ts'
import { UsageRecorder } from '../usage/recorder.ts'
import { verify } from '../verify/verifier.ts'
import { runJobs } from './job.ts'
import { JOBS } from './jobs.ts'

const DAYS = DAY / SECOND

/** As main.ts has it do: uses are stored every few seconds. */
async function round(world: World): Promise<void> {
  await world.usage.flush()
  await runJobs(JOBS, { domain: world.domain, log: world.log })
}

async function policy(world: World, change: Partial<EnvironmentPolicy>): Promise<void> {
  await updatePolicy(world.domain, may('environments:update'), world.projectId, 'production', change)
}

/** The details of all events with this action. */
async function events(world: World, action: string) {
  const { reader } = world.store
  const positions = await reader.auditPositions({ targetId: null, action }, -1, 1_000)
  const entries = await Promise.all(positions.map(async (position) => reader.auditEntries(position, 1)))
  return entries.map(([entry]) => parseAuditEvent(entry?.bytes ?? new Uint8Array()).details)
}

/** A world whose process accounts for use, as main.ts has it do. */
async function accounting(t: TestContext): Promise<World> {
  const world = await openWorld(t)
  await recordStart(world.domain, world.emitter)
  return world
}

async function used(world: World, text: string, address: string | null = null): Promise<void> {
  const place = { projectId: world.projectId, environment: 'production' } as const
  const bytes = address === null ? null : Uint8Array.from(address.split('.'), Number)
  await verify(world.verifier, place, { text, permission: null, address: bytes, path: '' })
  await countUses(world)
}

test('people are told 14, 7 and 1 days before a key reaches its maximum age and when it does, once each', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const told: number[] = []
  for (let day = 0; day <= 92; day++) {
    const before = (await events(world, 'key.rotation_due')).length
    await round(world)
    await round(world)
    const due = (await events(world, 'key.rotation_due')).slice(before)
    for (const { daysLeft, keyIds } of due) {
      assert.deepEqual(keyIds, [key.id])
      told.push(Number(daysLeft))
    }
    if (day === 75) {
      await closeOnce(world.store)
      const next = await openWorld(t, { folder: world.folder, clock: world.clock })
      Object.assign(world, next)
    }
    world.clock.advance(DAY)
  }
  assert.deepEqual(told, [14, 7, 1, 0])
  assert.equal(ask(world, secret.reveal()).code, 'VALID', 'telling changes nothing')
})

test('a rotation resets the age, and what the policy does not bound is never due', async (t) => {
  const world = await openWorld(t)
  const { key } = await aKey(world)
  world.clock.advance(70 * DAY)
  await rotated(world, key.id, 60)
  world.clock.advance(30 * DAY)
  await round(world)
  assert.deepEqual(await events(world, 'key.rotation_due'), [])
  await policy(world, { maximumAgeSeconds: null })
  world.clock.advance(400 * DAY)
  await round(world)
  assert.deepEqual(await events(world, 'key.rotation_due'), [])
})

test('under automatic rotation a version gets an end at its maximum age; its successor ends the wait, or nobody has the key', async (t) => {
  const world = await openWorld(t)
  await policy(world, { rotation: 'automatic', maximumAgeSeconds: 30 * DAYS, overlapSeconds: 7 * DAYS })
  const [kept, lost, back] = [await aKey(world), await aKey(world), await aKey(world)]
  world.clock.advance(30 * DAY)
  await round(world)
  for (const { key, secret } of [kept, lost, back]) {
    assert.equal(ask(world, secret.reveal()).code, 'VALID')
    const stored = await world.store.reader.key(key.id)
    assert.equal(stored?.versions[0]?.acceptedUntil, world.clock.now + 7 * DAY)
  }
  const next = await rotated(world, kept.key.id, 60)
  await cancelRotation(world.domain, may('keys:rotate'), back.key.id)
  await round(world)
  world.clock.advance(7 * DAY)
  assert.equal(ask(world, next.secret.reveal()).code, 'VALID')
  assert.equal(ask(world, kept.secret.reveal()).code, 'EXPIRED')
  assert.equal(ask(world, lost.secret.reveal()).code, 'EXPIRED')
  assert.equal(ask(world, back.secret.reveal()).code, 'VALID', 'what was called off is not begun again')
})

test('a rotation that begins by itself leaves the overlap after there is room for the next version', async (t) => {
  const world = await openWorld(t)
  await policy(world, { rotation: 'automatic', maximumAgeSeconds: 10 * DAYS, overlapSeconds: 2 * DAYS })
  const { key } = await aKey(world)
  for (let overlaps = 1; overlaps < VERSIONS_HELD_MAX - 1; overlaps++) await rotated(world, key.id, 20 * DAYS)
  const newest = await rotated(world, key.id, 20 * DAYS)
  world.clock.advance(10 * DAY)
  await round(world)
  assert.equal((await events(world, 'key.rotation_begun')).length, 1)
  world.clock.advance(10 * DAY - 1)
  await assert.rejects(rotated(world, key.id, 60), code('key.too_many_versions'))
  world.clock.advance(2 * DAY)
  assert.equal(ask(world, newest.secret.reveal()).code, 'VALID')
  const next = await rotated(world, key.id, 60)
  world.clock.advance(DAY)
  assert.equal(ask(world, newest.secret.reveal()).code, 'EXPIRED')
  assert.equal(ask(world, next.secret.reveal()).code, 'VALID')
})

test('an overlap ends early when the new version is in use and the old one has been silent for as long as the policy says', async (t) => {
  const world = await accounting(t)
  await policy(world, { cutoverSilentSeconds: HOUR / SECOND })
  const { key, secret } = await aKey(world)
  const next = await rotated(world, key.id, 7 * DAYS)
  world.clock.advance(2 * HOUR)
  await round(world)
  assert.equal(ask(world, secret.reveal()).code, 'VALID', 'nobody uses the new one yet')
  await used(world, next.secret.reveal())
  await used(world, secret.reveal())
  await round(world)
  assert.equal(ask(world, secret.reveal()).code, 'VALID', 'the old one was used just now')
  world.clock.advance(HOUR)
  await round(world)
  assert.equal(ask(world, secret.reveal()).code, 'EXPIRED')
  assert.equal(ask(world, next.secret.reveal()).code, 'VALID')
  assert.deepEqual(await events(world, 'key.cutover'), [{ versionNumber: 2 }])
})

test('a key that nobody used for as long as the policy says expires; one that was used, or is younger, does not', async (t) => {
  const world = await accounting(t)
  await policy(world, { idleExpirySeconds: 30 * DAYS })
  const [idle, busy] = [await aKey(world), await aKey(world)]
  world.clock.advance(20 * DAY)
  await used(world, busy.secret.reveal())
  const young = await aKey(world)
  world.clock.advance(10 * DAY)
  await world.usage.flush()
  await round(world)
  assert.equal(ask(world, idle.secret.reveal()).code, 'EXPIRED')
  for (const { secret } of [busy, young]) assert.equal(ask(world, secret.reveal()).code, 'VALID')
  assert.equal((await events(world, 'key.expired_idle')).length, 1)
})

test('nothing is concluded from silence while a process may have lost uses, and it is said in the log (T-29)', async (t) => {
  const world = await accounting(t)
  await policy(world, { idleExpirySeconds: 30 * DAYS, cutoverSilentSeconds: HOUR / SECOND })
  const [idle, moving] = [await aKey(world), await aKey(world)]
  const next = await rotated(world, moving.key.id, 30 * DAYS)
  await used(world, next.secret.reveal())
  world.clock.advance(29 * DAY + 23 * HOUR)
  await world.usage.flush()
  // The process dies without closing its accounting, and another one begins.
  await closeOnce(world.store)
  const second = await openWorld(t, { folder: world.folder, clock: world.clock })
  await recordStart(second.domain, second.emitter)
  second.clock.advance(HOUR / 2)
  await second.usage.flush()
  await round(second)
  assert.equal(ask(second, moving.secret.reveal()).code, 'VALID')
  assert.ok(second.logLines.some((line) => line.includes('silence.deferred')))
  second.clock.advance(31 * DAY)
  await second.usage.flush()
  await round(second)
  assert.equal(ask(second, idle.secret.reveal()).code, 'EXPIRED', 'the gap is older than the window by then')
})

test('several processes that tell are heard, and one that stops telling defers what is concluded from silence (T-29)', async (t) => {
  const world = await accounting(t)
  await policy(world, { idleExpirySeconds: 30 * DAYS })
  const [here, there, idle] = [await aKey(world), await aKey(world), await aKey(world)]
  const other = new UsageRecorder(world.domain, testEmitter(world.clock.read), world.log)
  const use = async (recorder: UsageRecorder, { secret }: Issued) => {
    recorder.count(ask(world, secret.reveal()), world.clock.now)
    await recorder.flush()
  }
  const pass = async (ms: number, telling: readonly UsageRecorder[]) => {
    world.clock.advance(ms)
    for (const recorder of telling) await recorder.flush()
    await round(world)
  }
  await use(other, there)
  await pass(29 * DAY, [world.usage, other])
  await use(world.usage, here)
  await use(other, there)
  await pass(2 * DAY, [world.usage, other])
  assert.equal(ask(world, idle.secret.reveal()).code, 'EXPIRED')
  for (const { secret } of [here, there]) assert.equal(ask(world, secret.reveal()).code, 'VALID')

  // The other one is not heard of any more: it may have taken a use along.
  await pass(29 * DAY, [world.usage])
  assert.equal(ask(world, here.secret.reveal()).code, 'VALID')
  assert.ok(world.logLines.some((line) => line.includes('silence.deferred')))
  await pass(2 * DAY, [world.usage])
  assert.equal(ask(world, here.secret.reveal()).code, 'EXPIRED', 'the gap is older than the window by then')
})

test('the addresses that use each version of a rotating key are kept, the latest 32 of each', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  await used(world, secret.reveal(), '192.0.2.1')
  assert.deepEqual(await world.store.reader.addressUses(key.id), [], 'with one version nobody needs them')
  const next = await rotated(world, key.id, 3_600)
  for (let i = 1; i <= 40; i++) {
    world.clock.advance(SECOND)
    await used(world, secret.reveal(), `192.0.2.${i}`)
  }
  await used(world, next.secret.reveal(), '198.51.100.1')
  await used(world, next.secret.reveal(), '198.51.100.1')
  const uses = await world.store.reader.addressUses(key.id)
  const old = uses.filter(({ versionNumber }) => versionNumber === 1).map(({ address }) => address)
  assert.equal(old.length, 32)
  assert.ok(!old.includes('192.0.2.8') && old.includes('192.0.2.9') && old.includes('192.0.2.40'))
  const fresh = uses.filter(({ versionNumber }) => versionNumber === 2)
  assert.deepEqual(
    fresh.map(({ address, count }) => [address, count]),
    [['198.51.100.1', 2]],
  )
})
