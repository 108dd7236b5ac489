import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { requireOrSkip } from '../tools/required.ts'
import { runCrashes } from './crash-run.ts'
import { postgresStage, sqliteStage } from './crash-stage.ts'

const KILLS = 20

test('20 kills at random points lose no acknowledged change, and rows and log agree after each', async (t) => {
  const seed = randomInt(1_000_000)
  const result = await runCrashes({
    kills: KILLS,
    seed,
    verifyEvery: 10,
    print: () => undefined,
    stage: sqliteStage(),
  })
  t.diagnostic(`seed ${seed}: ${result.acknowledged.total} acknowledged changes, ${result.entries} entries`)
  assert.deepEqual(result.problems, [], `seed ${seed}: node e2e/crash.ts --kills ${KILLS} --seed ${seed}`)
  assert.equal(result.kills.load + result.kills.start + result.kills['first start'], KILLS)
  assert.ok(result.acknowledged.total > KILLS, `only ${result.acknowledged.total} changes were acknowledged`)
  assert.ok(result.acknowledged.least > 0, `${result.acknowledged.leastOperation} was not acknowledged once`)
  assert.ok(result.verifications >= 2)
})

const POSTGRES_KILLS = 8

test('8 kills of the server and of its PostgreSQL at random points lose no acknowledged change', async (t) => {
  const stage = await postgresStage()
  if (!requireOrSkip(t, stage !== null, 'PostgreSQL (install postgresql)') || stage === null) return
  t.after(async () => stage.end())
  const seed = randomInt(1_000_000)
  const options = { kills: POSTGRES_KILLS, seed, verifyEvery: 4, print: () => undefined, stage }
  const result = await runCrashes(options)
  t.diagnostic(`seed ${seed}: ${result.acknowledged.total} acknowledged changes, ${result.entries} entries`)
  const command = `node e2e/crash.ts --store postgres --kills ${POSTGRES_KILLS} --seed ${seed}`
  assert.deepEqual(result.problems, [], `seed ${seed}: ${command}`)
  assert.ok(result.kills.database + result.kills.both >= 3)
  assert.ok(
    result.acknowledged.total > POSTGRES_KILLS,
    `only ${result.acknowledged.total} changes were acknowledged`,
  )
})
