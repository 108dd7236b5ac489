/**
 * Durable issue of keys over HTTP on SQLite, 16 clients, against the raw group commit of the same rows on the same disk,
 * in alternating windows. Then, with strace, that each answer left after a sync of its own.
 * Run: node bench/issue-durable.ts [--pairs 7] [--window-ms 1500]
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { launchServer, type Program } from '../e2e/program.ts'
import { observe, type Observed } from './fsync-order.ts'
import { ENVIRONMENT, makeInstallation, PERMISSION } from './installation.ts'
import { ask, launchLoad, type Load, median, postRequest } from './load.ts'
import type { Job } from './load-generator.ts'
import type { RawJob } from './raw-commit.ts'
import { compareRates, ISSUED, launchRaw, type Pair } from './raw-pairs.ts'
import type { RawMeasurement } from './raw-program.ts'
import { pause, type Row } from './report.ts'

const CLIENTS = 16
const SERVER_CORE = 0
const LOAD_CORE = 1
const RATIO_MIN = 0.15
const P99_RATIO_MAX = 10
const TRACED_MS = 3_000
const TRACED_CALLS = 'fsync,fdatasync,write,writev,sendto,sendmsg'

/** Runs the pairs and the trace. */
export async function benchIssueDurable(
  pairs: number,
  windowMs: number,
): Promise<{ row: Row; lines: readonly string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'keystead-bench-'))
  const dataDir = join(folder, 'data')
  const started: Program[] = []
  let load: Load | null = null
  try {
    const requestsFile = join(folder, 'requests.json')
    const { bootstrap, ownerId } = await makeInstallation(dataDir, 100)
    const body = { environment: ENVIRONMENT, ownerId, name: 'bench', permissions: [PERMISSION, 'chain:read'] }
    writeFileSync(requestsFile, JSON.stringify([postRequest('/v1/keys', bootstrap, body)]), { mode: 0o600 })
    const server = launchServer(dataDir, { core: SERVER_CORE })
    const raw = launchRaw('raw-commit.ts', SERVER_CORE)
    started.push(server, raw)
    const job: Job = {
      port: Number(new URL(await server.ready).port),
      connections: CLIENTS,
      durationMs: windowMs,
      requestsFile,
      ...ISSUED,
      serverPid: server.pid,
      serverCore: SERVER_CORE,
    }
    await raw.ready
    load = await launchLoad(LOAD_CORE)
    const template = join(dataDir, 'keystead.db')
    const runRaw = (i: number): Promise<RawMeasurement> =>
      measureRaw(raw, {
        path: join(folder, `raw-${i}.db`),
        templatePath: template,
        writers: CLIENTS,
        durationMs: windowMs,
      })
    await load.run(job)
    await runRaw(-1)
    const measured: Pair[] = []
    for (let i = 0; i < pairs; i++) {
      const rawWindow = await runRaw(i)
      await pause(100)
      const ours = await load.run(job)
      measured.push({ ours, raw: rawWindow })
      // Time for the checkpoint over what has just been written, which is not the raw program's to pay.
      await pause(1_200)
    }
    const traced = await traceSyncs(load, server, { ...job, connections: 1, durationMs: TRACED_MS }, folder)
    return summarize(measured, traced)
  } finally {
    await load?.end()
    for (const program of started) await program.end('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureRaw(program: Program, job: RawJob): Promise<RawMeasurement> {
  const measurement = await ask<RawMeasurement>(program, job, 'the raw program')
  rmSync(job.path, { force: true })
  return measurement
}

/** What strace sees of one client's requests; null where there is no strace, or it may not look. */
async function traceSyncs(load: Load, server: Program, job: Job, folder: string): Promise<Observed | null> {
  if (!hasStrace()) return null
  const file = join(folder, 'trace')
  const args = ['-f', '-s', '40', '-e', `trace=${TRACED_CALLS}`, '-o', file, '-p', String(server.pid)]
  const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(strace, 'exit')
  const attached = new Promise<void>((done) => strace.stderr.once('data', () => done()))
  await Promise.race([attached, ended])
  const { count } = await load.run(job)
  strace.kill('SIGINT')
  await ended
  const seen = observe(readFileSync(file, 'utf8'))
  // A trace that has not seen the answers has proved nothing.
  return seen.answers >= count ? seen : null
}

function hasStrace(): boolean {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function summarize(pairs: readonly Pair[], traced: Observed | null): { row: Row; lines: readonly string[] } {
  const { ratio, lines: rates } = compareRates(pairs)
  const tails = pairs.map(({ ours, raw }) => ours.p99Ms / raw.p99Ms)
  const proof =
    traced === null
      ? 'no strace here: not shown'
      : `${traced.answers} answers to one client, ${traced.syncs} syncs, ${traced.early} answers before their sync`
  const lines = [
    ...rates,
    `ratio of p99        ${tails.map((ratio) => ratio.toFixed(2)).join(' ')}`,
    `strace: ${proof}`,
  ]
  const tail = median(tails)
  const row: Row = {
    what: 'durable issue of keys over HTTP, SQLite, 16 clients, against the raw group commit of the same rows',
    must: `>= ${RATIO_MIN} of raw, p99 <= ${P99_RATIO_MAX}x raw, each answer after its sync`,
    measured: `${ratio.toFixed(2)} of raw, p99 ${tail.toFixed(1)}x raw (medians of ${pairs.length} pairs); ${proof}`,
    command: 'npx node bench/issue-durable.ts',
    passed: ratio >= RATIO_MIN && tail <= P99_RATIO_MAX && (traced === null || traced.early === 0),
  }
  return { row, lines }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { pairs: { type: 'string', default: '7' }, 'window-ms': { type: 'string', default: '1500' } },
  })
  const { row, lines } = await benchIssueDurable(Number(values.pairs), Number(values['window-ms']))
  for (const line of lines) console.log(line)
  console.log(`${row.passed ? 'ok' : 'MISSED'}: ${row.measured}; must be ${row.must}`)
  process.exitCode = row.passed ? 0 : 1
}
