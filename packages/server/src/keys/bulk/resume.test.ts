// A bulk operation goes on after a stop at any chunk, next to other work, and never twice.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Domain } from '../../domain.ts'
import { DomainError } from '../../errors.ts'
import { code } from '../../storage/contract.test-support.ts'
import type { Store } from '../../storage/store.ts'
import { ask, closeOnce, FakeClock, may, openWorld, START, type World } from '../../world.test-support.ts'
import type { Issued } from '../issue.ts'
import { aKey, anOwner } from '../keys.test-support.ts'
import { continueBulkOperations } from './advance.ts'
import { bulkRequest, dryRun } from './bulk.test-support.ts'
import { type BulkRequest, startBulk } from './start.ts'
import { undoBulkOperation } from './undo.ts'

const KEYS = 150
const CHUNKS = 3
const MINUTES_10 = 600_000

async function worldOfKeys(t: TestContext): Promise<{ world: World; keys: readonly Issued[] }> {
  const world = await openWorld(t)
  const ownerId = (await anOwner(world)).id
  const keys = await Promise.all(Array.from({ length: KEYS }, async () => aKey(world, { ownerId })))
  return { world, keys }
}

/** A domain whose store takes `allowed` more transactions and then fails: as a process that is killed, unless said. */
function dyingAfter(domain: Domain, allowed: number, failure = new Error('killed')): Domain {
  let left = allowed
  const store: Store = Object.create(domain.store, {
    transact: {
      value: async (...args: Parameters<Store['transact']>) => {
        if (left-- <= 0) throw failure
        return domain.store.transact(...args)
      },
    },
    head: { value: () => domain.store.head() },
    reader: { value: domain.store.reader },
  }) as Store
  return { ...domain, store }
}

async function request(world: World, change: Partial<BulkRequest> = {}): Promise<BulkRequest> {
  return bulkRequest(world, { ...change, confirm: (await dryRun(world, change)).confirm })
}

async function restarted(t: TestContext, world: World): Promise<World> {
  await closeOnce(world.store)
  const clock = new FakeClock()
  clock.now = world.clock.now
  return openWorld(t, { folder: world.folder, clock })
}

const codes = (world: World, keys: readonly Issued[]): readonly string[] => [
  ...new Set(keys.map(({ secret }) => ask(world, secret.reveal()).code)),
]

// Transactions of a request: one reads the project, one starts the operation, then one for each chunk.
for (let chunks = 0; chunks <= CHUNKS; chunks++) {
  test(`killed after ${chunks} of ${CHUNKS} chunks, a revocation goes on at the next start and takes every key once`, async (t) => {
    const { world, keys } = await worldOfKeys(t)
    const dying = dyingAfter(world.domain, 2 + chunks)
    const killed = startBulk(dying, may('keys:bulk'), await request(world, { action: 'revoke' }))
    if (chunks < CHUNKS) await assert.rejects(killed, /killed/)
    else await killed
    const next = await restarted(t, world)
    await continueBulkOperations(next.domain)
    assert.deepEqual(codes(next, keys), ['SUSPENDED'])
    next.clock.advance(MINUTES_10)
    // Killed again, at each chunk of the second half.
    await assert.rejects(
      continueBulkOperations(dyingAfter(next.domain, Math.min(chunks, CHUNKS - 1))),
      /killed/,
    )
    const last = await restarted(t, next)
    await continueBulkOperations(last.domain)
    assert.deepEqual(codes(last, keys), ['REVOKED'])
    const [operation] = (
      await last.store.reader.bulkOperations(
        { projectId: null, environment: null },
        { limit: 2, cursor: null },
      )
    ).items
    const { phase, changed, settled, kept, skipped } = operation ?? {}
    assert.deepEqual([phase, changed, settled, kept, skipped], ['done', KEYS, KEYS, 0, 0])
  })
}

test('an operation that has begun is answered with when the store cannot go on, never with an error that denies it', async (t) => {
  const { world, keys } = await worldOfKeys(t)
  const failing = (allowed: number): Domain =>
    dyingAfter(world.domain, allowed, new DomainError('storage.unavailable'))
  const { operation } = await startBulk(failing(3), may('keys:bulk'), await request(world))
  assert.equal(operation?.phase, 'running')
  await continueBulkOperations(world.domain)
  assert.deepEqual(codes(world, keys), ['SUSPENDED'])
  const undo = await undoBulkOperation(failing(2), may('bulk-operations:undo'), operation?.id ?? '')
  assert.equal(undo.phase, 'undoing')
  await continueBulkOperations(world.domain)
  assert.deepEqual(codes(world, keys), ['VALID'])
  const before = startBulk(failing(1), may('keys:bulk'), await request(world))
  await assert.rejects(before, code('storage.unavailable'))
})

test('an undo in the middle stops the operation, and goes on after a kill, until every key is back', async (t) => {
  const { world, keys } = await worldOfKeys(t)
  await assert.rejects(
    startBulk(dyingAfter(world.domain, 4), may('keys:bulk'), await request(world)),
    /killed/,
  )
  assert.deepEqual(codes(world, keys).toSorted(), ['SUSPENDED', 'VALID'])
  const [operation] = await world.store.reader.dueBulkOperations(START, 10)
  const undo = undoBulkOperation(
    dyingAfter(world.domain, 2),
    may('bulk-operations:undo'),
    operation?.id ?? '',
  )
  await assert.rejects(undo, /killed/)
  const next = await restarted(t, world)
  await continueBulkOperations(next.domain)
  assert.deepEqual(codes(next, keys), ['VALID'])
  assert.deepEqual(await next.store.reader.dueBulkOperations(next.clock.now, 10), [])
})

test('two that go on with one operation at the same time take every key once', async (t) => {
  const { world, keys } = await worldOfKeys(t)
  await assert.rejects(
    startBulk(dyingAfter(world.domain, 2), may('keys:bulk'), await request(world)),
    /killed/,
  )
  await Promise.all([continueBulkOperations(world.domain), continueBulkOperations(world.domain)])
  const [operation] = (
    await world.store.reader.bulkOperations(
      { projectId: null, environment: null },
      { limit: 2, cursor: null },
    )
  ).items
  assert.deepEqual([operation?.changed, operation?.chunks, operation?.skipped], [KEYS, CHUNKS, 0])
  for (const { key } of keys) assert.equal((await world.store.reader.key(key.id))?.version, 2)
})

test('a key that comes to meet the query while the operation runs is not one more than was seen (T-30)', async (t) => {
  const { world, keys } = await worldOfKeys(t)
  const query = { namePrefix: '' }
  await assert.rejects(
    startBulk(dyingAfter(world.domain, 2), may('keys:bulk'), await request(world, { query })),
    /killed/,
  )
  world.clock.advance(1)
  const late = await aKey(world)
  await continueBulkOperations(world.domain)
  assert.deepEqual(codes(world, keys), ['SUSPENDED'])
  assert.deepEqual(codes(world, [late]), ['VALID'])
})

test('an operation that cannot go on now keeps none of the others from going on', async (t) => {
  const world = await openWorld(t)
  const [one, other] = [await aKey(world), await aKey(world)]
  for (const { key } of [one, other]) {
    const wanted = bulkRequest(world, { query: { keyIds: [key.id] } })
    await assert.rejects(startBulk(dyingAfter(world.domain, 2), may('keys:bulk'), wanted), /killed/)
    // Ids sort by time: this makes sure which one is the oldest.
    world.clock.advance(1)
  }
  let calls = 0
  const store: Store = Object.create(world.store, {
    transact: {
      value: async (...args: Parameters<Store['transact']>) => {
        calls += 1
        if (calls === 1) throw new Error('this one')
        return world.store.transact(...args)
      },
    },
    reader: { value: world.store.reader },
  }) as Store
  await assert.rejects(continueBulkOperations({ ...world.domain, store }), /this one/)
  assert.deepEqual([codes(world, [one]), codes(world, [other])], [['VALID'], ['SUSPENDED']])
  await continueBulkOperations(world.domain)
  assert.deepEqual(codes(world, [one, other]), ['SUSPENDED'])
})
