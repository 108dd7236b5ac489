/** Windows in which keys are issued over HTTP, each beside one in which a raw program writes the same rows. */
import { join } from 'node:path'
import { launch, type Program } from '../e2e/program.ts'
import { median, ratiosText } from './load.ts'
import type { Job, Measurement } from './load-generator.ts'
import type { RawMeasurement } from './raw-program.ts'

export interface Pair {
  readonly ours: Measurement
  readonly raw: RawMeasurement
}

export function launchRaw(script: string, core: number): Program {
  return launch({
    script: join(import.meta.dirname, script),
    core,
    ipc: true,
    readyPattern: /^(raw ready)$/m,
  })
}

/** What an answer to the issue of a key looks like. */
export const ISSUED: Pick<Job, 'status' | 'contains'> = {
  status: 'HTTP/1.1 201 ',
  contains: '"secret":"ks_key_live_',
}

/** `ratio` and `p99Ms` (of ours) are medians. */
export interface Comparison {
  readonly ratio: number
  readonly p99Ms: number
  readonly lines: readonly string[]
}

export function compareRates(pairs: readonly Pair[]): Comparison {
  const rate = ({ count, wallMs }: { count: number; wallMs: number }): number => (count / wallMs) * 1_000
  const ratios = pairs.map(({ ours, raw }) => rate(ours) / rate(raw))
  const of = (value: (pair: Pair) => number): number => median(pairs.map(value))
  const text = (value: (pair: Pair) => number, digits: number): string => of(value).toFixed(digits)
  const lines = [
    `keystead ${text(({ ours }) => rate(ours), 0)} keys/s, p50 ${text(({ ours }) => ours.p50Ms, 2)} ms, p99 ${text(({ ours }) => ours.p99Ms, 2)} ms; ` +
      `server used ${text(({ ours }) => (ours.serverCpuMs / ours.wallMs) * 100, 0)} % of its core`,
    `raw      ${text(({ raw }) => rate(raw), 0)} keys/s, p50 ${text(({ raw }) => raw.p50Ms, 2)} ms, p99 ${text(({ raw }) => raw.p99Ms, 2)} ms`,
    `ratio of throughput ${ratiosText(ratios)}`,
  ]
  return { ratio: median(ratios), p99Ms: of(({ ours }) => ours.p99Ms), lines }
}
