/**
 * 10,000 keys in one bulk operation over HTTP, while 8 connections verify as fast as they can: how long until every key
 * is refused, what the verifications notice of it, and what memory it takes. Run: node bench/bulk-operation.ts [--keys N]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatApiKey } from '@keystead/protocol/api-key'
import { launchServer } from '../e2e/program.ts'
import { ENVIRONMENT, makeInstallation, PERMISSION } from './installation.ts'
import { launchLoad, type Load, postRequest } from './load.ts'
import type { Row } from './report.ts'

const KEYS = 10_000
const CONNECTIONS = 8
const QUIET_MS = 3_000
/** Long enough for a bulk operation of so many keys, which must end within the window of its load. */
const BUSY_MS = 10_000
const SUSPENDED_MS_MAX = 10_000
const P99_MS_MAX = 50
const MEMORY_MB_MAX = 100
const UNKNOWN_KEY = formatApiKey({
  ...{ brand: 'ks', kind: 'key', environment: 'production' },
  ...{ locator: '0'.repeat(12), secret: '0'.repeat(32) },
})

interface Answer {
  readonly preview: { readonly affected: number; readonly confirm: string }
  readonly operation: { readonly id: string; readonly phase: string; readonly changed: number } | null
}

export async function benchBulkOperation(keys: number): Promise<{ row: Row; lines: readonly string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'keystead-bench-'))
  const load = await launchLoad(1)
  try {
    return await measure(join(folder, 'data'), keys, load)
  } finally {
    await load.end()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(
  dataDir: string,
  keys: number,
  load: Load,
): Promise<{ row: Row; lines: readonly string[] }> {
  const { bootstrap, gateway } = await makeInstallation(dataDir, keys)
  const requestsFile = `${dataDir}.json`
  // Well-formed and nobody's: what is answered stays the same while the keys change.
  const question = { key: UNKNOWN_KEY, permission: PERMISSION }
  writeFileSync(requestsFile, JSON.stringify([postRequest('/v1/keys:verify', gateway, question)]), {
    mode: 0o600,
  })
  const server = launchServer(dataDir, { core: 0 })
  try {
    const url = await server.ready
    const verify = async (durationMs: number) =>
      load.run({
        ...{ port: Number(new URL(url).port), connections: CONNECTIONS, durationMs, requestsFile },
        ...{ status: 'HTTP/1.1 200 ', contains: '"code":"NOT_FOUND"', serverPid: server.pid, serverCore: 0 },
      })
    const call = async (path: string, body: object): Promise<unknown> => {
      const headers = { authorization: `Bearer ${bootstrap}`, 'content-type': 'application/json' }
      const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
      return answer.json()
    }
    const quiet = await verify(QUIET_MS)
    const beforeMb = residentMbOf(server.pid)
    const busyLoad = verify(BUSY_MS)
    const request = {
      ...{ environment: ENVIRONMENT, action: 'revoke', parameters: { reason: 'keyCompromise' } },
      query: { permission: PERMISSION, namePrefix: 'key ' },
    }
    const dryAt = performance.now()
    const dry = (await call('/v1/keys:bulk', { ...request, dryRun: true })) as Answer
    const dryMs = performance.now() - dryAt
    const startedAt = performance.now()
    const { operation } = (await call('/v1/keys:bulk', {
      ...request,
      confirm: dry.preview.confirm,
    })) as Answer
    const suspendedMs = performance.now() - startedAt
    const undoneAt = performance.now()
    await call(`/v1/bulk-operations/${operation?.id ?? ''}/undo`, {})
    const undoneMs = performance.now() - undoneAt
    const busy = await busyLoad
    const moreMb = residentMbOf(server.pid) - beforeMb
    const isWhole = operation?.phase === 'waiting' && operation.changed === keys
    const row: Row = {
      what: `one bulk revocation of ${keys.toLocaleString('en')} keys over HTTP, while ${CONNECTIONS} connections verify`,
      must: `all refused <= ${SUSPENDED_MS_MAX / 1_000} s, verify p99 meanwhile <= ${P99_MS_MAX} ms, <= ${MEMORY_MB_MAX} MB more`,
      measured:
        `${(suspendedMs / 1_000).toFixed(2)} s (dry run ${(dryMs / 1_000).toFixed(2)} s, undo ${(undoneMs / 1_000).toFixed(2)} s); ` +
        `p99 ${busy.p99Ms.toFixed(1)} ms (quiet ${quiet.p99Ms.toFixed(1)} ms); ${moreMb.toFixed(0)} MB more`,
      command: 'npx node bench/bulk-operation.ts',
      passed:
        isWhole && suspendedMs <= SUSPENDED_MS_MAX && busy.p99Ms <= P99_MS_MAX && moreMb <= MEMORY_MB_MAX,
    }
    const lines = [quiet, busy].map(
      ({ count, wallMs, p50Ms, p99Ms }, i) =>
        `${i === 0 ? 'quiet' : 'busy '} ${((count / wallMs) * 1_000).toFixed(0)} verifications a second; ` +
        `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`,
    )
    return { row, lines }
  } finally {
    await server.end('SIGTERM')
  }
}

function residentMbOf(pid: number): number {
  const kilobytes = /^Rss: +(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]
  return Number(kilobytes) / 1_024
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { keys: { type: 'string', default: String(KEYS) } } })
  const { row, lines } = await benchBulkOperation(Number(values.keys))
  for (const line of lines) console.log(line)
  console.log(`${row.passed ? 'ok' : 'MISSED'}: ${row.measured}; must be ${row.must}`)
  process.exitCode = row.passed ? 0 : 1
}
