// T-29: several processes on one database hear of each other's silence.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silenceSince } from '../../keys/silence.ts'
import { aKey } from '../../keys/keys.test-support.ts'
import { rollUpAllUses } from '../../usage/roll-up.ts'
import { UsageRecorder } from '../../usage/recorder.ts'
import { DAY, temporaryFolder, testEmitter } from '../../world.test-support.ts'
import { temporaryDatabase } from './database.test-support.ts'
import { openNode, type Node } from './nodes.test-support.ts'

const MINUTE = 60_000

function recorderOf({ domain, clock }: Node): UsageRecorder {
  return new UsageRecorder(domain, testEmitter(clock.read), () => undefined)
}

test('what one process has verified counts for what another concludes, and one that is quiet is no gap', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const [a, b] = [await openNode(t, url, folder), await openNode(t, url, folder)]
  const [busy, quiet] = [recorderOf(a), recorderOf(b)]
  const { key, secret } = await aKey(a)
  busy.count(a.ask(secret.reveal()), a.clock.now)
  await busy.flush()
  quiet.count(b.ask('a guess'), b.clock.now)
  await quiet.flush()
  const pass = (ms: number) => [a, b].forEach(({ clock }) => clock.advance(ms))

  pass(DAY)
  await busy.flush()
  assert.equal(
    await silenceSince(a.domain, MINUTE),
    a.clock.now - MINUTE,
    'the other is taken for dead, long ago',
  )
  assert.equal(await silenceSince(a.domain, 2 * DAY), null, 'it may have taken uses along')
  await quiet.flush()
  assert.equal(await silenceSince(a.domain, DAY / 2), a.clock.now - DAY / 2)
  pass(4 * MINUTE)
  await busy.flush()
  assert.equal(
    await silenceSince(a.domain, DAY / 2),
    a.clock.now - 4 * MINUTE - DAY / 2,
    'as far as both have told',
  )

  quiet.count(b.ask(secret.reveal()), b.clock.now)
  await quiet.flush()
  await rollUpAllUses(a.domain, () => undefined)
  const uses = await a.store.reader.uses([key.id])
  assert.deepEqual(
    uses.map(({ lastAt }) => lastAt),
    [b.clock.now],
  )
})
