import assert from 'node:assert/strict'
import { test } from 'node:test'
import { every } from './schedule.ts'

const HOUR_MS = 3_600_000

test('what has come due while the server was down does not wait for the first interval', async () => {
  let stop: (() => Promise<void>) | undefined
  await new Promise<void>((done) => {
    stop = every(
      HOUR_MS,
      async () => done(),
      () => undefined,
      0,
    )
  })
  await stop?.()
})

test('stopping waits for the run that is in progress, and no other follows', async () => {
  let runs = 0
  let end: (() => void) | undefined
  let stop: (() => Promise<void>) | undefined
  await new Promise<void>((begun) => {
    const work = async (): Promise<void> => {
      runs += 1
      begun()
      await new Promise<void>((done) => {
        end = done
      })
    }
    stop = every(0, work, () => undefined)
  })
  let stopped = false
  const stopping = stop?.().then(() => {
    stopped = true
  })
  await new Promise(setImmediate)
  assert.equal(stopped, false)
  end?.()
  await stopping
  await new Promise(setImmediate)
  assert.equal(runs, 1)
})
