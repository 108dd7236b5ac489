import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type AuditEvent, parseAuditEvent } from '@keystead/protocol/audit-event'
import type { Decision } from '@keystead/protocol/decision'
import { readUseBatch, readUseClosing, type UseBatch, wrongWithUse } from '@keystead/protocol/use-batch'
import { readUse } from '@keystead/protocol/use-record'
import { sha256 } from '../hash.ts'
import { aKey } from '../keys/keys.test-support.ts'
import { UNKNOWN_KEY } from '../storage/records.ts'
import {
  ask,
  closeOnce,
  countUses,
  openWorld,
  START,
  testEmitter,
  type World,
} from '../world.test-support.ts'
import { verify } from '../verify/verifier.ts'
import { UsageRecorder } from './recorder.ts'

const UNKNOWN: Decision = { code: 'NOT_FOUND', reason: null, record: null, version: null }

/** The events of the log that are about uses. */
async function useEvents({ store }: World): Promise<readonly AuditEvent[]> {
  const entries = await store.reader.auditEntries(0, 1_000)
  return entries.map(({ bytes }) => parseAuditEvent(bytes)).filter(({ action }) => action.startsWith('use.'))
}

async function batches(world: World): Promise<readonly UseBatch[]> {
  return (await useEvents(world)).flatMap((event) => readUseBatch(event) ?? [])
}

/** A recorder that is full after three uses. */
async function small(t: TestContext) {
  const world = await openWorld(t)
  const emitter = testEmitter()
  const usage = new UsageRecorder(world.domain, emitter, world.log, 3)
  return { world, emitter, usage }
}

function refuseSegments({ database }: World): () => void {
  database.writer.exec(
    "CREATE TRIGGER no_use BEFORE INSERT ON use_segment BEGIN SELECT RAISE(ABORT, 'disk full'); END",
  )
  return () => database.writer.exec('DROP TRIGGER no_use')
}

test('each decision is a record of a batch, at the time of the decision, and the leaf names exactly these records', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const place = { projectId: world.projectId, environment: 'production' } as const
  await verify(world.verifier, place, { text: secret.reveal(), permission: null, address: null, path: '' })
  world.clock.advance(7)
  await verify(world.verifier, place, { text: 'a guess', permission: null, address: null, path: '' })
  world.clock.advance(1_000)
  await world.usage.flush()
  const [batch, ...more] = await batches(world)
  assert.ok(batch)
  assert.deepEqual(more, [])
  assert.deepEqual([batch.batchNumber, batch.count, batch.dropped], [1, 2, 0])
  assert.deepEqual([batch.from, batch.to], [START, START + 7])
  const segment = await world.store.reader.useSegment(batch.boot as never, 1)
  assert.ok(segment)
  assert.equal(wrongWithUse(sha256, batch, segment.bytes), null)
  assert.deepEqual(
    [readUse(segment.bytes, 0), readUse(segment.bytes, 1)],
    [
      { at: START, keyId: key.id, versionNumber: 1, code: 'VALID', asCaller: false, repeats: 0 },
      { at: START + 7, keyId: null, versionNumber: 0, code: 'NOT_FOUND', asCaller: false, repeats: 0 },
    ],
  )
})

test('an interval without use makes no leaf', async (t) => {
  const world = await openWorld(t)
  const { size } = world.store.head()
  await world.usage.flush()
  assert.equal(world.store.head().size, size)
})

test('texts that prove no key share one count, however many there are', async (t) => {
  const world = await openWorld(t)
  for (let i = 0; i < 1_000; i++) world.usage.count(ask(world, `guess ${i}`), START)
  await countUses(world)
  assert.deepEqual(await world.store.reader.uses([UNKNOWN_KEY as never]), [
    { keyId: UNKNOWN_KEY, versionNumber: 0, code: 'NOT_FOUND', count: 1_000, lastAt: START },
  ])
})

test('records that could not be stored are kept and stored later, each once, and verification goes on', async (t) => {
  const { world, usage } = await small(t)
  const mend = refuseSegments(world)
  usage.count(UNKNOWN, START)
  await usage.flush()
  usage.count(UNKNOWN, START + 7)
  await usage.flush()
  assert.ok(world.logLines.some((line) => line.includes('usage.not_written')))
  assert.deepEqual(await batches(world), [])
  mend()
  await usage.flush()
  await usage.flush()
  assert.deepEqual(
    (await batches(world)).map(({ batchNumber, count, from }) => [batchNumber, count, from]),
    [
      [1, 1, START],
      [2, 1, START + 7],
    ],
  )
})

test('a batch that was stored though the store could not say so is not stored again', async (t) => {
  const { world, emitter } = await small(t)
  let answers = false
  const store = {
    ...world.store,
    transact: async (...call: Parameters<World['store']['transact']>) => {
      const committed = await world.store.transact(...call)
      if (!answers) throw new Error('the answer was lost')
      return committed
    },
  } as World['store']
  const usage = new UsageRecorder({ store, clock: world.clock.read }, emitter, world.log, 3)
  usage.count(UNKNOWN, START)
  await usage.flush()
  assert.equal((await batches(world)).length, 1)
  answers = true
  usage.count(UNKNOWN, START)
  await usage.flush()
  await usage.flush()
  assert.deepEqual(
    (await batches(world)).map(({ batchNumber, count }) => [batchNumber, count]),
    [
      [1, 1],
      [2, 1],
    ],
  )
})

test('a full batch is stored before its time, and what has no room is counted as dropped in the log', async (t) => {
  const { world, usage } = await small(t)
  for (let i = 0; i < 3; i++) usage.count(UNKNOWN, START + i)
  usage.count(UNKNOWN, START + 3)
  await usage.flush()
  assert.deepEqual(
    (await batches(world)).map(({ count, dropped }) => [count, dropped]),
    [[3, 0]],
  )
  const mend = refuseSegments(world)
  for (let i = 4; i < 10; i++) usage.count(UNKNOWN, START + i)
  await usage.flush()
  mend()
  await usage.close()
  const told = await batches(world)
  assert.deepEqual(
    told.map(({ count }) => count),
    [3, 3, 3],
  )
  assert.deepEqual(
    told.map(({ dropped }) => dropped),
    [0, 0, 1],
  )
})

test('an orderly stop stores the rest and says what all batches add up to; nothing follows', async (t) => {
  const { world, emitter, usage } = await small(t)
  for (let i = 0; i < 4; i++) usage.count(UNKNOWN, START)
  await usage.close()
  const events = await useEvents(world)
  assert.deepEqual(
    events.map(({ action }) => action),
    ['use.recorded', 'use.recorded', 'use.closed'],
  )
  const closing = readUseClosing(events[2] as AuditEvent)
  assert.deepEqual(closing, { boot: emitter.boot, batches: 2, records: 4, dropped: 0 })
  const stored = await world.store.reader.useEmitter(emitter.boot)
  assert.deepEqual([stored?.state, stored?.closedAt], ['deactivated', START])
  await usage.close()
  assert.equal((await useEvents(world)).length, 3)
})

test('a boot that was cut off has no closing event, and the next one begins its own numbers at 1', async (t) => {
  const world = await openWorld(t)
  world.usage.count(UNKNOWN, START)
  await world.usage.flush()
  world.usage.count(UNKNOWN, START)
  await closeOnce(world.store)
  const next = await openWorld(t, { folder: world.folder, clock: world.clock })
  next.usage.count(UNKNOWN, START)
  await next.usage.close()
  const told = await batches(next)
  assert.deepEqual(
    told.map(({ batchNumber }) => batchNumber),
    [1, 1],
  )
  assert.notEqual(told[0]?.boot, told[1]?.boot)
  const closed = (await useEvents(next)).flatMap((event) => readUseClosing(event)?.boot ?? [])
  assert.deepEqual(closed, [told[1]?.boot])
})
