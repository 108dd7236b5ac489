/**
 * Durable issue of keys over HTTP on PostgreSQL, 16 clients, against 16 connections that insert the same rows and leaves
 * and wait for nothing but their COMMIT, on the same server in alternating windows. Each of our answers also waits until
 * its leaf has a position and the index has followed it.
 * Run: node bench/issue-postgres.ts [--pairs 7] [--window-ms 2000]
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { Api } from '../e2e/api.ts'
import { PostgresInstallation } from '../e2e/postgres-installation.ts'
import type { Program } from '../e2e/program.ts'
import { ask, launchLoad, type Load, postRequest } from './load.ts'
import type { Job } from './load-generator.ts'
import { compareRates, ISSUED, launchRaw, type Pair } from './raw-pairs.ts'
import type { RawMeasurement } from './raw-program.ts'
import type { RawOutboxJob } from './raw-outbox.ts'
import type { Row } from './report.ts'

const CLIENTS = 16
const SERVER_CORE = 0
const LOAD_CORE = 1
const RATIO_MIN = 0.3
const MIGRATIONS = join(import.meta.dirname, '../packages/server/src/storage/migrations/postgres')

/** Runs the pairs. Throws where there is no PostgreSQL. */
export async function benchIssuePostgres(
  pairs: number,
  windowMs: number,
): Promise<{ row: Row; lines: readonly string[] }> {
  const installation = await PostgresInstallation.start()
  if (installation === null) throw new Error('PostgreSQL is not installed')
  const started: Program[] = []
  let load: Load | null = null
  try {
    const server = installation.launch(installation.newFolder(), SERVER_CORE)
    const raw = launchRaw('raw-outbox.ts', SERVER_CORE)
    started.push(server, raw)
    const url = await server.ready
    await raw.ready
    const api = new Api(url, installation.bootstrapKey)
    const owner = await api.json<{ id: string }>('POST', '/v1/owners', { externalId: 'o-1', name: 'Desk' })
    const body = { environment: 'production', ownerId: owner.id, name: 'bench', permissions: ['market:read'] }
    await api.json('POST', '/v1/keys', body)
    api.close()
    const requestsFile = join(installation.folder, 'requests.json')
    const request = postRequest('/v1/keys', installation.bootstrapKey, body)
    writeFileSync(requestsFile, JSON.stringify([request]), { mode: 0o600 })
    const job: Job = {
      port: Number(new URL(url).port),
      connections: CLIENTS,
      durationMs: windowMs,
      requestsFile,
      ...ISSUED,
      serverPid: server.pid,
      serverCore: SERVER_CORE,
    }
    const rawJob = await prepareRaw(installation, windowMs)
    const runRaw = async (): Promise<RawMeasurement> => ask(raw, rawJob, 'the raw program')
    load = await launchLoad(LOAD_CORE)
    await load.run(job)
    await runRaw()
    const results: Pair[] = []
    for (let i = 0; i < pairs; i++) results.push({ ours: await load.run(job), raw: await runRaw() })
    return summarize(results)
  } finally {
    await load?.end()
    await Promise.all(started.map(async (program) => program.end('SIGKILL')))
    await installation.stop()
  }
}

/** Another database of the same server, with the schema and what the key points to. */
async function prepareRaw(installation: PostgresInstallation, durationMs: number): Promise<RawOutboxJob> {
  const one = async (sql: string): Promise<Record<string, unknown>> => (await installation.sql(sql))[0] ?? {}
  const key = await one("SELECT * FROM api_key WHERE kind = 'key' LIMIT 1")
  const { leaf } = await one(
    "SELECT encode(leaf, 'base64') AS leaf FROM audit_entry WHERE action = 'key.created' LIMIT 1",
  )
  const project = await one('SELECT * FROM project')
  const owner = await one('SELECT * FROM owner')
  await installation.sql('CREATE DATABASE raw')
  const url = new URL(installation.cluster.url)
  url.pathname = '/raw'
  const client = new Client({ connectionString: url.href, options: '-c search_path=keystead' })
  await client.connect()
  await client.query('CREATE SCHEMA keystead')
  for (const name of readdirSync(MIGRATIONS).sort())
    await client.query(readFileSync(join(MIGRATIONS, name), 'utf8'))
  for (const [table, row] of Object.entries({ project, owner })) {
    const names = Object.keys(row)
    const values = names.map((_, i) => `$${i + 1}`)
    await client.query(
      `INSERT INTO ${table} (${names.join(', ')}) VALUES (${values.join(', ')})`,
      Object.values(row),
    )
  }
  await client.end()
  return {
    url: url.href,
    writers: CLIENTS,
    durationMs,
    key: key as RawOutboxJob['key'],
    leaf: String(leaf),
  }
}

function summarize(pairs: readonly Pair[]): { row: Row; lines: readonly string[] } {
  const { ratio, p99Ms, lines } = compareRates(pairs)
  const row: Row = {
    what: 'durable issue of keys over HTTP, PostgreSQL, 16 clients, against 16 connections that insert the same rows and leaves',
    must: `>= ${RATIO_MIN} of raw`,
    measured: `${ratio.toFixed(2)} of raw (median of ${pairs.length} pairs), p99 ${p99Ms.toFixed(0)} ms`,
    command: 'npx node bench/issue-postgres.ts',
    passed: ratio >= RATIO_MIN,
  }
  return { row, lines }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { pairs: { type: 'string', default: '7' }, 'window-ms': { type: 'string', default: '2000' } },
  })
  const { row, lines } = await benchIssuePostgres(Number(values.pairs), Number(values['window-ms']))
  for (const line of lines) console.log(line)
  console.log(`${row.passed ? 'ok' : 'MISSED'}: ${row.measured}; must be ${row.must}`)
  process.exitCode = row.passed ? 0 : 1
}
