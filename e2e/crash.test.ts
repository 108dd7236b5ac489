import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { runCrashes } from './crash-run.ts'

const KILLS = 20

test('20 kills at random points lose no acknowledged change, and rows and log agree after each', async (t) => {
  const seed = randomInt(1_000_000)
  const result = await runCrashes({ kills: KILLS, seed, verifyEvery: 10, print: () => undefined })
  t.diagnostic(`seed ${seed}: ${result.acknowledged} acknowledged changes, ${result.entries} entries`)
  assert.deepEqual(result.problems, [], `seed ${seed}: node e2e/crash.ts --kills ${KILLS} --seed ${seed}`)
  assert.equal(result.kills.load + result.kills.start + result.kills['first start'], KILLS)
  assert.ok(result.acknowledged > KILLS, `only ${result.acknowledged} changes were acknowledged`)
  assert.ok(result.verifications >= 2)
})
