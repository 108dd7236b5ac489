/**
 * What the account of uses costs verification: the server as it is, and the same server without it, in alternating
 * windows on one core; the one whose turn it is not stands still, so that the writing and adding up of each falls into
 * its own windows. What is done once a minute falls into few of them: all windows count together, and not the middle one.
 * Its clock goes on while a server stands still, so that is done twice as often as it would be.
 * Run: node bench/use-accounting.ts [--pairs 25] [--window-ms 6000]
 */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { launchServer, type Program } from '../e2e/program.ts'
import { makeInstallation, PERMISSION } from './installation.ts'
import { launchLoad, type Load, median, postRequest, ratiosText, runAlone, type Side, VALID } from './load.ts'
import type { Measurement } from './load-generator.ts'
import type { Row } from './report.ts'

const KEYS = 10_000
const KEYS_USED = 2_000
const CONNECTIONS = 32
const SERVER_CORE = 0
const LOAD_CORE = 1
const COST_MAX = 0.05
const WARM_UP_MS = 3_000
const WITHOUT = join(import.meta.dirname, 'without-accounting.ts')

interface Compared extends Side {
  readonly windows: Measurement[]
}

export async function benchUseAccounting(
  pairs: number,
  windowMs: number,
): Promise<{ row: Row; lines: readonly string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'keystead-bench-'))
  const started: Program[] = []
  let load: Load | null = null
  try {
    const sides = await startSides(folder, started, windowMs)
    load = await launchLoad(LOAD_CORE)
    for (const side of sides) side.program.child.kill('SIGSTOP')
    for (const side of sides) await runAlone(load, side, WARM_UP_MS)
    for (let pair = 0; pair < pairs; pair++) {
      // Each goes first every second time.
      for (const side of pair % 2 === 0 ? sides : sides.toReversed())
        side.windows.push(await runAlone(load, side, windowMs))
    }
    return summarize(sides)
  } finally {
    await load?.end()
    for (const program of started) await program.end('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

async function startSides(folder: string, started: Program[], durationMs: number) {
  const dataDir = join(folder, 'with')
  const { secrets, gateway } = await makeInstallation(dataDir, KEYS)
  cpSync(dataDir, join(folder, 'without'), { recursive: true })
  const requestsFile = join(folder, 'requests.json')
  const used = secrets.filter((_, i) => i % (KEYS / KEYS_USED) === 0)
  const requests = used.map((key) => postRequest('/v1/keys:verify', gateway, { key, permission: PERMISSION }))
  writeFileSync(requestsFile, JSON.stringify(requests), { mode: 0o600 })
  const side = async (dir: string, nodeOptions: readonly string[]): Promise<Compared> => {
    const program = launchServer(join(folder, dir), { core: SERVER_CORE, nodeOptions })
    started.push(program)
    const job = {
      port: Number(new URL(await program.ready).port),
      connections: CONNECTIONS,
      durationMs,
      requestsFile,
      ...VALID,
      serverPid: program.pid,
      serverCore: SERVER_CORE,
    }
    return { program, job, windows: [] }
  }
  return [await side('with', []), await side('without', ['--import', WITHOUT])] as const
}

function summarize([ours, bare]: readonly [Compared, Compared]): { row: Row; lines: readonly string[] } {
  const ratios = (of: (window: Measurement) => number): number[] =>
    ours.windows.map((window, i) => of(window) / of(bare.windows[i] ?? window))
  const perSecond = ({ count, wallMs }: Measurement): number => count / wallMs
  const together = ({ windows }: Compared, of: (window: Measurement) => number): number =>
    windows.reduce((sum, { count }) => sum + count, 0) / windows.reduce((sum, window) => sum + of(window), 0)
  const costBy = (of: (window: Measurement) => number): number => 1 - together(ours, of) / together(bare, of)
  const cost = costBy(({ wallMs }) => wallMs)
  const cpuCost = costBy(({ serverCpuMs }) => serverCpuMs)
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  const lines = [ours, bare].map((side, i) => {
    const of = (value: (window: Measurement) => number): number => median(side.windows.map(value))
    return (
      `${i === 0 ? 'with' : 'without'} accounting: ${(of(perSecond) * 1_000).toFixed(0)} req/s, ` +
      `p50 ${of((w) => w.p50Ms).toFixed(2)} ms, p99 ${of((w) => w.p99Ms).toFixed(2)} ms`
    )
  })
  lines.push(`ratio of throughput  ${ratiosText(ratios(perSecond))}`)
  const row: Row = {
    what: 'use accounting: the server with it against the same server without, in alternating windows',
    must: `< ${COST_MAX * 100} % of verify throughput`,
    measured: `${percent(cost)} of throughput (all windows of ${ours.windows.length} pairs together; their median ${percent(1 - median(ratios(perSecond)))}; ${percent(cpuCost)} per server-CPU-second)`,
    command: 'npx node bench/use-accounting.ts',
    passed: cost < COST_MAX,
  }
  return { row, lines }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { pairs: { type: 'string', default: '25' }, 'window-ms': { type: 'string', default: '6000' } },
  })
  const { row, lines } = await benchUseAccounting(Number(values.pairs), Number(values['window-ms']))
  for (const line of lines) console.log(line)
  console.log(`${row.passed ? 'ok' : 'MISSED'}: ${row.measured}; must be ${row.must}`)
  process.exitCode = row.passed ? 0 : 1
}
