import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWorld } from '../world.test-support.ts'
import { type Job, runJobs } from './job.ts'

test('a job that fails is named in the log and keeps no other from running', async (t) => {
  const world = await openWorld(t)
  const ran: string[] = []
  const failing: Job = {
    name: 'failing',
    run: async () => Promise.reject(new Error('no disk')),
  }
  const other: Job = {
    name: 'other',
    run: async () => {
      ran.push('other')
      return false
    },
  }
  await runJobs([failing, other], { domain: world.domain, log: world.log })
  assert.deepEqual(ran, ['other'])
  assert.ok(world.logLines.some((line) => line.includes('"job":"failing"') && line.includes('no disk')))
})

test('a job goes on while more is waiting, but not for ever', async (t) => {
  const world = await openWorld(t)
  let pieces = 0
  const endless: Job = {
    name: 'endless',
    run: async () => {
      pieces += 1
      return true
    },
  }
  await runJobs([endless], { domain: world.domain, log: world.log })
  assert.equal(pieces, 100)
})
