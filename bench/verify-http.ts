/**
 * HTTP verify, caller authenticated, against bare node:http on the same payload: one core for the server, one for the
 * load, alternating windows. Run: node bench/verify-http.ts [--pairs 11] [--window-ms 1000]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { launch, launchServer, type Program } from '../e2e/program.ts'
import { makeInstallation, PERMISSION } from './installation.ts'
import { launchLoad, type Load, median, postRequest, ratiosText, VALID } from './load.ts'
import type { Job, Measurement } from './load-generator.ts'
import { pause, type Row } from './report.ts'

const KEYS = 10_000
const KEYS_USED = 2_000
const CONNECTIONS = 32
const SERVER_CORE = 0
const LOAD_CORE = 1
const RATIO_MIN = 0.7
const WARM_UP_MS = 2_000
/** Longer than the interval at which the server writes its counts, so that this falls into nobody else's window. */
const SETTLE_MS = 1_200
/** Below this share of its core the server was not what limited the throughput. */
const SATURATED_MIN = 0.9

interface Side {
  readonly name: string
  readonly job: Job
  readonly windows: Measurement[]
}

export interface VerifyResult {
  readonly throughputRatio: number
  readonly cpuRatio: number
  readonly row: Row
  readonly lines: readonly string[]
}

/** Runs the pairs; the headline is requests per second with the server's core saturated. */
export async function benchVerifyHttp(pairs: number, windowMs: number): Promise<VerifyResult> {
  const folder = mkdtempSync(join(tmpdir(), 'keystead-bench-'))
  const started: Program[] = []
  let load: Load | null = null
  try {
    const { ours, bare } = await startSides(folder, started, windowMs)
    load = await launchLoad(LOAD_CORE)
    for (const side of [ours, bare]) await load.run({ ...side.job, durationMs: WARM_UP_MS })
    for (let pair = 0; pair < pairs; pair++) {
      for (const side of [bare, ours]) {
        side.windows.push(await load.run(side.job))
        await pause(side === ours ? SETTLE_MS : 100)
      }
    }
    return summarize(ours, bare)
  } finally {
    await load?.end()
    for (const program of started) await program.end('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

async function startSides(folder: string, started: Program[], durationMs: number) {
  const dataDir = join(folder, 'data')
  const { secrets, gateway } = await makeInstallation(dataDir, KEYS)
  const requestsFile = join(folder, 'requests.json')
  const used = secrets.filter((_, i) => i % (KEYS / KEYS_USED) === 0)
  const requests = used.map((key) => postRequest('/v1/keys:verify', gateway, { key, permission: PERMISSION }))
  writeFileSync(requestsFile, JSON.stringify(requests), { mode: 0o600 })
  const keysFile = join(folder, 'keys')
  writeFileSync(keysFile, secrets.join('\n'), { mode: 0o600 })

  const bareScript = join(import.meta.dirname, 'bare-server.ts')
  const programs = {
    ours: launchServer(dataDir, { core: SERVER_CORE }),
    bare: launch({
      script: bareScript,
      args: [keysFile],
      core: SERVER_CORE,
      readyPattern: /^bare ready on (\S+)$/m,
    }),
  }
  started.push(programs.ours, programs.bare)
  const side = async (name: string, program: Program): Promise<Side> => ({
    name,
    windows: [],
    job: {
      port: Number(new URL(await program.ready).port),
      connections: CONNECTIONS,
      durationMs,
      requestsFile,
      ...VALID,
      serverPid: program.pid,
      serverCore: SERVER_CORE,
    },
  })
  return { ours: await side('keystead', programs.ours), bare: await side('bare', programs.bare) }
}

function summarize(ours: Side, bare: Side): VerifyResult {
  const ratios = (of: (window: Measurement) => number): number[] =>
    ours.windows.map((window, i) => of(window) / of(bare.windows[i] ?? window))
  const perSecond = ({ count, wallMs }: Measurement): number => (count / wallMs) * 1_000
  const perCpuSecond = ({ count, serverCpuMs }: Measurement): number => (count / serverCpuMs) * 1_000
  const throughputRatio = median(ratios(perSecond))
  const cpuRatio = median(ratios(perCpuSecond))
  const of = (side: Side, value: (window: Measurement) => number): number => median(side.windows.map(value))
  const lines = [ours, bare].map((side) => {
    const text = (value: (window: Measurement) => number, digits = 0): string =>
      of(side, value).toFixed(digits)
    return (
      `${side.name.padEnd(9)} ${text(perSecond)} req/s, ${text(perCpuSecond)} per server-CPU-second, ` +
      `p50 ${text((w) => w.p50Ms, 2)} ms, p99 ${text((w) => w.p99Ms, 2)} ms; server used ` +
      `${text((w) => (w.serverCpuMs / w.wallMs) * 100)} % of its core (core idle ${text((w) => (w.idleMs / w.wallMs) * 100)} %), ` +
      `load generator ${text((w) => (w.generatorCpuMs / w.wallMs) * 100)} % of its own`
    )
  })
  lines.push(`ratio of throughput  ${ratiosText(ratios(perSecond))}`)
  lines.push(`ratio per CPU second ${ratiosText(ratios(perCpuSecond))}`)
  const share = Math.min(...[ours, bare].map((side) => of(side, (w) => w.serverCpuMs / w.wallMs)))
  if (share < SATURATED_MIN) {
    lines.push(
      'note: the servers did not get a whole core (others use this machine): the CPU ratio says more',
    )
  }
  const must = `>= ${RATIO_MIN} of bare node:http`
  const measured =
    `${throughputRatio.toFixed(2)} (median of ${ours.windows.length} pairs; per server-CPU-second ${cpuRatio.toFixed(2)}); ` +
    `p50 ${of(ours, (w) => w.p50Ms).toFixed(2)} ms, p99 ${of(ours, (w) => w.p99Ms).toFixed(2)} ms at ${CONNECTIONS} connections`
  const row: Row = {
    what: 'HTTP verify, caller authenticated, 10,000 keys, against bare node:http doing JSON, SHA-256 and a Map',
    must,
    measured,
    command: 'npx node bench/verify-http.ts',
    passed: throughputRatio >= RATIO_MIN,
  }
  return { throughputRatio, cpuRatio, row, lines }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { pairs: { type: 'string', default: '11' }, 'window-ms': { type: 'string', default: '1000' } },
  })
  const { row, lines } = await benchVerifyHttp(Number(values.pairs), Number(values['window-ms']))
  for (const line of lines) console.log(line)
  console.log(`${row.passed ? 'ok' : 'MISSED'}: ${row.measured}; must be ${row.must}`)
  process.exitCode = row.passed ? 0 : 1
}
