import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aKey } from '../keys/keys.test-support.ts'
import { ask, countUses, DAY, openWorld, START } from '../world.test-support.ts'
import { forgetOldUses } from './retention.ts'

test('records, minutes and hours are deleted after their time, days and totals stay', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  world.usage.count(ask(world, secret.reveal()), START)
  await countUses(world)
  const { reader } = world.store
  const left = async (): Promise<readonly number[]> => {
    const filter = { subject: key.id, environment: null, startAts: [START] } as const
    const counts = await Promise.all(
      (['minute', 'hour', 'day'] as const).map(async (period) => reader.useCounts({ ...filter, period })),
    )
    const segments = await reader.useSegmentsBetween(0, START, 10)
    return [segments.length, ...counts.map(({ length }) => length)]
  }
  for (const [days, expected] of [
    [0, [1, 1, 1, 1]],
    [8, [1, 0, 1, 1]],
    [91, [0, 0, 1, 1]],
    [400, [0, 0, 0, 1]],
    [4_000, [0, 0, 0, 1]],
  ] as const) {
    world.clock.now = START + days * DAY
    while (await forgetOldUses(world.domain));
    assert.deepEqual(await left(), expected, `${days} days`)
  }
  assert.equal((await reader.uses([key.id]))[0]?.count, 1)
})

test('records that are in no count yet are kept, however old', async (t) => {
  const world = await openWorld(t)
  world.usage.count(ask(world, 'a guess'), START)
  await world.usage.flush()
  world.clock.advance(1_000 * DAY)
  assert.equal(await forgetOldUses(world.domain), false)
  assert.equal((await world.store.reader.useSegmentsBetween(0, START, 10)).length, 1)
})
