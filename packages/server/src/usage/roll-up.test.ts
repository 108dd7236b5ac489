import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Decision } from '@keystead/protocol/decision'
import fc from 'fast-check'
import { rollUpJob } from '../jobs/usage.ts'
import { aKey } from '../keys/keys.test-support.ts'
import { type KeyUse, UNKNOWN_KEY, USE_PERIODS, type UseCount } from '../storage/records.ts'
import type { Store } from '../storage/store.ts'
import { ask, closeOnce, countUses, DAY, openWorld, START, type World } from '../world.test-support.ts'
import { rollUpUses } from './roll-up.ts'
import { PERIOD_MS } from './sums.ts'

/** A store whose roll-up is cut off after a number of steps, as by a crash. */
function cutOff(store: Store, steps: number): Pick<Store, 'claimUses' | 'addUses' | 'reader'> {
  let left = steps
  return {
    reader: store.reader,
    claimUses: async (limit) => store.claimUses(limit),
    addUses: async (...call) => {
      if (left-- === 0) throw new Error('crash')
      return store.addUses(...call)
    },
  }
}

test('the counts are those of the uses, over random uses, restarts and crashes in the middle', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          key: fc.integer({ min: 0, max: 3 }),
          afterMs: fc.integer({ min: 0, max: DAY / 8 }),
          next: fc.constantFrom('go on', 'flush', 'flush', 'count', 'crash', 'restart'),
        }),
        { minLength: 1, maxLength: 40 },
      ),
      async (steps) => {
        let world = await openWorld(t)
        const made = [await aKey(world), await aKey(world), await aKey(world, { permissions: ['orders:*'] })]
        const texts = [...made.map(({ secret }) => secret.reveal()), 'a guess']
        const reference = new Reference()
        for (const { key, afterMs, next } of steps) {
          world.clock.advance(afterMs)
          const decision = ask(world, texts[key] ?? '', { permission: 'market:read' })
          world.usage.count(decision, world.clock.now)
          reference.add(
            decision,
            made.map((each) => each.key),
            world.clock.now,
          )
          if (next === 'flush') await world.usage.flush()
          if (next === 'count') await countUses(world)
          if (next === 'crash') {
            await world.usage.flush()
            const domain = { store: cutOff(world.store, 0) as Store }
            await rollUpUses(domain, world.log).catch(() => undefined)
          }
          if (next === 'restart') {
            await world.usage.close()
            await closeOnce(world.store)
            world = await openWorld(t, { folder: world.folder, clock: world.clock })
          }
        }
        await countUses(world)
        await reference.compare(world)
        await closeOnce(world.store)
      },
    ),
    { numRuns: 8 },
  )
})

test('a roll-up that is cut off goes on where it was, and adds nothing twice', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const decision = ask(world, secret.reveal())
  // A day of minutes: more sums than one step takes.
  for (let minute = 0; minute < 1_440; minute++) world.usage.count(decision, START + minute * 60_000)
  await world.usage.flush()
  for (const steps of [0, 1, 1])
    await assert.rejects(rollUpUses({ store: cutOff(world.store, steps) as Store }, world.log), /crash/)
  await countUses(world)
  const filter = { subject: key.id, environment: null } as const
  const startAts = Array.from({ length: 1_440 }, (_, minute) => START + minute * PERIOD_MS.minute)
  const minutes = await world.store.reader.useCounts({ ...filter, period: 'minute', startAts })
  assert.deepEqual([minutes.length, new Set(minutes.map(({ count }) => count))], [1_440, new Set([1])])
  const days = await world.store.reader.useCounts({ ...filter, period: 'day', startAts: [START] })
  assert.deepEqual(
    days.map(({ count }) => count),
    [1_440],
  )
  assert.equal((await world.store.reader.uses([key.id]))[0]?.count, 1_440)
})

test('a segment that was changed by SQL adds nothing, is named in the log, and stops no other', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  for (let batch = 0; batch < 2; batch++) {
    world.usage.count(ask(world, secret.reveal()), START)
    await world.usage.flush()
  }
  world.database.writer.exec("UPDATE use_segment SET bytes = x'00' WHERE batch_number = 1")
  await countUses(world)
  assert.equal((await world.store.reader.uses([key.id]))[0]?.count, 1)
  assert.ok(world.logLines.some((line) => line.includes('usage.segment_unreadable')))
})

const byText = (a: string, b: string): number => (a < b ? -1 : 1)

/** Counts as simply as can be. */
class Reference {
  readonly #uses = new Map<string, KeyUse>()
  readonly #counts = new Map<string, UseCount>()

  add(
    { record, version, code }: Decision,
    keys: readonly { id: string; ownerId: string | null }[],
    at: number,
  ): void {
    const keyId = record?.keyId ?? UNKNOWN_KEY
    const name = `${keyId} ${code}`
    const count = (this.#uses.get(name)?.count ?? 0) + 1
    this.#uses.set(name, { keyId, versionNumber: version ?? 0, code, count, lastAt: at })
    const ownerId = keys.find(({ id }) => id === keyId)?.ownerId
    for (const subject of [keyId, ...(ownerId ? [ownerId, record?.projectId ?? ''] : [])])
      for (const period of USE_PERIODS) {
        const startAt = Math.floor(at / PERIOD_MS[period]) * PERIOD_MS[period]
        const each = `${subject} ${period} ${startAt} ${code}`
        const so = this.#counts.get(each)?.count ?? 0
        const environment = record?.environment ?? null
        this.#counts.set(each, { subject, environment, period, startAt, code, count: so + 1 })
      }
  }

  async compare({ store }: World): Promise<void> {
    const text = (value: unknown): string =>
      JSON.stringify(value, Object.keys(value as object).toSorted(byText))
    const ids = [...new Set([...this.#uses.values()].map(({ keyId }) => keyId))]
    const uses = await store.reader.uses(ids as never)
    assert.deepEqual(uses.map(text).toSorted(byText), [...this.#uses.values()].map(text).toSorted(byText))
    const counts: UseCount[] = []
    const of = (name: 'subject' | 'startAt'): Set<never> =>
      new Set([...this.#counts.values()].map((count) => count[name] as never))
    for (const subject of of('subject'))
      for (const period of USE_PERIODS)
        counts.push(
          ...(await store.reader.useCounts({
            subject,
            environment: null,
            period,
            startAts: [...of('startAt')],
          })),
        )
    assert.deepEqual(counts.map(text).toSorted(byText), [...this.#counts.values()].map(text).toSorted(byText))
  }
}

test('few uses are added up at once, and under load all of them once a minute', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const decision = ask(world, secret.reveal())
  const count = async (uses: number) => {
    for (let i = 0; i < uses; i++) world.usage.count(decision, world.clock.now)
    for (let i = 0; i < 3; i++) await world.usage.flush()
  }
  const counted = async () =>
    (await world.store.reader.uses([key.id])).reduce((sum, use) => sum + use.count, 0)
  await count(10)
  assert.ok(await rollUpJob.run(world))
  assert.equal(await counted(), 10)
  await count(70_000)
  assert.equal(await rollUpJob.run(world), false)
  assert.equal(await counted(), 10)
  world.clock.advance(60_000)
  assert.ok(await rollUpJob.run(world))
  assert.equal(await rollUpJob.run(world), false)
  assert.equal(await counted(), 70_010)
})
