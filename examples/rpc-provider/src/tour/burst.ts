import assert from 'node:assert/strict'
import { connectVerifyLine } from './verify-line.ts'
import { formatMs, formatNumber, type Screen } from './screen.ts'
import type { World } from './world.ts'

const CALLS = 5_000
const CONNECTIONS = 16
/** Calls before the measured ones, so that connections are open and code is compiled. */
const WARM_UP_CALLS = 1_000

/** Times a burst of `POST /v1/keys:verify`, every answer checked. Returns how many verifications were made. */
export async function burstStation(world: World, secret: string, screen: Screen): Promise<number> {
  screen.station('burst')
  const body = JSON.stringify({ key: secret, permission: 'chain:read' })
  const connect = () => connectVerifyLine(world.keysteadUrl, world.verifierKey, body)
  const lines = await Promise.all(Array.from({ length: CONNECTIONS }, connect))
  try {
    const burst = async (calls: number): Promise<readonly number[]> => {
      const times: number[] = []
      let left = calls
      const work = async (verify: () => Promise<string>): Promise<void> => {
        while (left > 0) {
          left -= 1
          const start = performance.now()
          const answer = await verify()
          times.push(performance.now() - start)
          assert.match(answer, /"code":"VALID"/)
        }
      }
      await Promise.all(lines.map((line) => work(line.verify)))
      return times
    }
    await burst(WARM_UP_CALLS)
    const start = performance.now()
    const times = await burst(CALLS)
    const elapsedMs = performance.now() - start
    screen.line(describe(times, elapsedMs), elapsedMs)
    return WARM_UP_CALLS + CALLS
  } finally {
    for (const line of lines) line.close()
  }
}

function describe(times: readonly number[], elapsedMs: number): string {
  const sorted = times.toSorted((left, right) => left - right)
  const quantile = (share: number): string =>
    formatMs(sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN)
  const rate = formatNumber((times.length / elapsedMs) * 1000)
  const calls = `${formatNumber(times.length)} verifications on ${CONNECTIONS} connections`
  return `${calls}: ${rate}/s, p50 ${quantile(0.5)}, p99 ${quantile(0.99)}`
}
