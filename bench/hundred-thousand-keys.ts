/**
 * 100,000 keys: what the server takes more than an empty one, and how long it takes to start. The real server is started
 * on an empty folder and on one with the keys, and both answer the same verifications for two seconds, so that V8's young
 * generation, which grows with work and not with keys, is as large in both. Then the resident set is read, as it is and
 * after a forced collection, and the heap. Run: node bench/hundred-thousand-keys.ts [--keys N]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatApiKey } from '@keystead/protocol/api-key'
import { launchServer, type Program } from '../e2e/program.ts'
import { type Installation, makeInstallation, PERMISSION } from './installation.ts'
import { launchLoad, type Load, median, postRequest } from './load.ts'
import { pause, type Row } from './report.ts'

const KEYS = 100_000
const STARTS = 5
const MEMORY_MB_MAX = 100
const START_MS_MAX = 3_000
const WARM_UP_MS = 2_000
const SETTLE_MS = 500
/** Well-formed, and nobody's: both servers do the same work for it. */
const UNKNOWN_KEY = formatApiKey({
  brand: 'ks',
  kind: 'key',
  environment: 'production',
  locator: '0'.repeat(12),
  secret: '0'.repeat(32),
})
const MB = 1_048_576

export interface Sample {
  readonly startMs: number
  /** Resident set as it is after the start, and after a collection; heap and buffers after it. */
  readonly residentMb: number
  readonly collectedMb: number
  readonly heapMb: number
}

export async function benchHundredThousandKeys(
  keys: number,
): Promise<{ row: Row; lines: readonly string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'keystead-bench-'))
  const load = await launchLoad(1)
  try {
    const empty = await prepare(join(folder, 'empty'), 0)
    const full = await prepare(join(folder, 'full'), keys)
    const samples: { readonly empty: Sample; readonly full: Sample }[] = []
    for (let i = 0; i < STARTS; i++) {
      samples.push({ empty: await sample(empty, load), full: await sample(full, load) })
    }
    return summarize(samples, keys)
  } finally {
    await load.end()
    rmSync(folder, { recursive: true, force: true })
  }
}

export interface Prepared {
  readonly dataDir: string
  readonly requestsFile: string
}

async function prepare(dataDir: string, keys: number): Promise<Prepared> {
  return preparedFor(dataDir, await makeInstallation(dataDir, keys))
}

/** An installation that was made, and what its server is asked before it is looked at. */
export function preparedFor(dataDir: string, { gateway }: Installation): Prepared {
  const requestsFile = `${dataDir}.json`
  const question = { key: UNKNOWN_KEY, permission: PERMISSION }
  writeFileSync(requestsFile, JSON.stringify([postRequest('/v1/keys:verify', gateway, question)]), {
    mode: 0o600,
  })
  return { dataDir, requestsFile }
}

export async function sample({ dataDir, requestsFile }: Prepared, load: Load): Promise<Sample> {
  const startMs = await timedStart(dataDir)
  const probe = join(import.meta.dirname, 'memory-probe.ts')
  const server = launchServer(dataDir, { nodeOptions: ['--expose-gc', '--import', probe] })
  try {
    const port = Number(new URL(await server.ready).port)
    await load.run({
      port,
      connections: 32,
      durationMs: WARM_UP_MS,
      requestsFile,
      status: 'HTTP/1.1 200 ',
      contains: '"code":"NOT_FOUND"',
      serverPid: server.pid,
      serverCore: 0,
    })
    await pause(SETTLE_MS)
    const residentMb = residentMbOf(server.pid)
    const { heapUsed, external, rss } = await collected(server)
    return { startMs, residentMb, collectedMb: rss / MB, heapMb: (heapUsed + external) / MB }
  } finally {
    await server.end('SIGTERM')
  }
}

/** From the spawn of a plain server, without the probe, to its ready line. */
export async function timedStart(dataDir: string, startMsMax?: number): Promise<number> {
  const startedAt = performance.now()
  const server = launchServer(dataDir, startMsMax === undefined ? {} : { startMsMax })
  try {
    await server.ready
    return performance.now() - startedAt
  } finally {
    await server.end('SIGTERM')
  }
}

function collected(server: Program): Promise<{ heapUsed: number; external: number; rss: number }> {
  return new Promise((done) => {
    let text = ''
    server.child.stdout?.on('data', (chunk: string) => {
      text += chunk
      const found = /^memory (\{.*\})$/m.exec(text)?.[1]
      if (found !== undefined) done(JSON.parse(found) as { heapUsed: number; external: number; rss: number })
    })
    server.child.kill('SIGUSR2')
  })
}

function residentMbOf(pid: number): number {
  const kilobytes = /^Rss: +(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]
  return Number(kilobytes) / 1_024
}

function summarize(
  samples: readonly { readonly empty: Sample; readonly full: Sample }[],
  keys: number,
): { row: Row; lines: readonly string[] } {
  const of = (side: 'empty' | 'full', name: keyof Sample): number =>
    median(samples.map((pair) => pair[side][name]))
  const more = (name: keyof Sample): number =>
    median(samples.map(({ empty, full }) => full[name] - empty[name]))
  const lines = (['empty', 'full'] as const).map(
    (side) =>
      `${side.padEnd(5)} start ${of(side, 'startMs').toFixed(0)} ms; resident ${of(side, 'residentMb').toFixed(0)} MB, ` +
      `after collection ${of(side, 'collectedMb').toFixed(0)} MB, heap and buffers ${of(side, 'heapMb').toFixed(1)} MB`,
  )
  const startMs = of('full', 'startMs')
  const memoryMb = more('residentMb')
  const row: Row = {
    what: `${keys.toLocaleString('en')} keys: memory above an empty server; start, from spawn to ready`,
    must: `<= ${MEMORY_MB_MAX} MB, <= ${START_MS_MAX / 1_000} s`,
    measured:
      `${memoryMb.toFixed(0)} MB resident (${more('collectedMb').toFixed(0)} MB after a forced collection, ` +
      `${more('heapMb').toFixed(0)} MB of it heap and buffers); ${(startMs / 1_000).toFixed(2)} s (medians of ${samples.length})`,
    command: 'npx node bench/hundred-thousand-keys.ts',
    passed: memoryMb <= MEMORY_MB_MAX && startMs <= START_MS_MAX,
  }
  return { row, lines }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { keys: { type: 'string', default: String(KEYS) } } })
  const { row, lines } = await benchHundredThousandKeys(Number(values.keys))
  for (const line of lines) console.log(line)
  console.log(`${row.passed ? 'ok' : 'MISSED'}: ${row.measured}; must be ${row.must}`)
  process.exitCode = row.passed ? 0 : 1
}
