import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aKey } from '../keys/keys.test-support.ts'
import { closeOnce, openWorld, START } from '../world.test-support.ts'
import { UNKNOWN_KEY } from './usage.ts'
import { type Presented, verify } from './verifier.ts'

const presented = (text: string): Presented => ({ text, permission: null, address: null })

test('texts that prove no key share one count, however many there are', async (t) => {
  const world = await openWorld(t)
  const place = { projectId: world.projectId, environment: 'production' } as const
  for (let i = 0; i < 1_000; i++) verify(world.verifier, place, presented(`guess ${i}`))
  await world.usage.flush()
  const uses = await world.store.reader.uses([UNKNOWN_KEY as never])
  assert.deepEqual(
    uses.map((use) => ({ ...use })),
    [{ keyId: UNKNOWN_KEY, versionNumber: 0, code: 'NOT_FOUND', count: 1_000, lastAt: START }],
  )
})

test('counts that could not be written are kept, added to, and said in the log; verification goes on', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const place = { projectId: world.projectId, environment: 'production' } as const
  const ask = () => verify(world.verifier, place, presented(secret.reveal())).code
  world.database.writer.exec(
    "CREATE TRIGGER no_use BEFORE INSERT ON key_use BEGIN SELECT RAISE(ABORT, 'disk full'); END",
  )
  assert.equal(ask(), 'VALID')
  await world.usage.flush()
  world.clock.advance(7)
  assert.equal(ask(), 'VALID')
  await world.usage.flush()
  assert.ok(world.logLines.some((line) => line.includes('usage.not_written')))
  world.database.writer.exec('DROP TRIGGER no_use')
  await world.usage.flush()
  const [use] = await world.store.reader.uses([key.id])
  assert.deepEqual(
    { ...use },
    { keyId: key.id, versionNumber: 1, code: 'VALID', count: 2, lastAt: START + 7 },
  )
})

test('a use is counted at the time of the decision, not of the writing', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const place = { projectId: world.projectId, environment: 'production' } as const
  verify(world.verifier, place, presented(secret.reveal()))
  world.clock.advance(1_000)
  await world.usage.flush()
  assert.equal((await world.store.reader.uses([key.id]))[0]?.lastAt, START)
  await closeOnce(world.store)
})
