import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { AuditReport } from '@keystead/protocol/audit-report'
import { verifyLog } from '@keystead/protocol/audit-verification'
import {
  HAS_VECTORS,
  sha256,
  VECTORS,
  verifyEd25519,
} from '../packages/protocol/src/node-crypto.test-support.ts'
import { readerOf } from '../packages/protocol/src/sample-log.test-support.ts'
import { tamperedStates, untouchedStates } from '../packages/protocol/src/tampered-states.test-support.ts'
import {
  foreignOrigin,
  type LogCase,
  tamperedLogs,
  untouchedLogs,
} from '../packages/protocol/src/tampered-logs.test-support.ts'
import { requireOrSkip } from '../tools/required.ts'

const PYTHON = resolve(import.meta.dirname, '../python')
const HAS_TOOLS = succeeds('python3', '--version') && succeeds('openssl', 'version')
const TOOLS_NAME = 'python3 and openssl'
// Each run starts Python and openssl; two at a time keep two cores busy.
const RUNS_AT_ONCE = 2

test('the tests of the Python verifier pass', async (t) => {
  if (!requireOrSkip(t, HAS_TOOLS, TOOLS_NAME)) return
  const { code, stderr } = await python('-m', 'unittest', 'discover', '-s', 'tests', '-t', '.')
  assert.equal(code, 0, stderr)
  assert.match(stderr, /^Ran \d{2,} tests/m)
})

test('the Python verifier passes all third-party vectors', async (t) => {
  if (!requireOrSkip(t, HAS_TOOLS, TOOLS_NAME)) return
  if (!requireOrSkip(t, HAS_VECTORS, 'third-party vectors (KEYSTEAD_VECTORS)')) return
  const { code, stdout } = await python('-m', 'keystead_audit', 'vectors', VECTORS)
  assert.equal(stdout, 'merkle: 196 of 196 passed\ntessera-log: 17 of 17 passed\njcs: 6 of 6 passed\n')
  assert.equal(code, 0)
})

test('Python raises no false alarm on untouched logs of any size', async (t) => {
  if (!requireOrSkip(t, HAS_TOOLS, TOOLS_NAME)) return
  await judgeAll(t, [...untouchedLogs(), ...untouchedStates()])
})

test('Python refutes every kind of tampering by the same checks, with the same report, as TypeScript', async (t) => {
  if (!requireOrSkip(t, HAS_TOOLS, TOOLS_NAME)) return
  await judgeAll(t, [...tamperedLogs(), ...tamperedStates(), foreignOrigin()])
})

test('Python exits with 2 when it cannot verify at all', async (t) => {
  if (!requireOrSkip(t, HAS_TOOLS, TOOLS_NAME)) return
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'policy'), 'witness w\n')
  for (const trust of [join(folder, 'policy'), join(folder, 'missing')]) {
    const { code, stdout, stderr } = await python('-m', 'keystead_audit', 'verify', folder, '--trust', trust)
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.match(stderr, /^could not run: /)
  }
})

async function judgeAll(t: TestContext, logs: readonly LogCase[]): Promise<void> {
  const folder = await temporaryFolder(t)
  const waiting = logs.map((log, at) => () => judge(log, join(folder, String(at))))
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next()
  }
  await Promise.all(Array.from({ length: RUNS_AT_ONCE }, work))
}

async function judge(log: LogCase, folder: string): Promise<void> {
  const { name, files, trust, since } = log
  await writeFiles(join(folder, 'export'), files)
  await writeFile(join(folder, 'policy'), trust)
  if (since !== null) await writeFile(join(folder, 'since'), since)
  const sinceArguments = since === null ? [] : ['--since', join(folder, 'since')]
  const { code, stdout, stderr } = await python(
    ...[
      '-m',
      'keystead_audit',
      'verify',
      join(folder, 'export'),
      '--trust',
      join(folder, 'policy'),
      '--json',
    ],
    ...sinceArguments,
  )
  assert.equal(stderr, '', name)
  const report = JSON.parse(stdout) as AuditReport
  const failed = report.checks.filter(({ ok }) => !ok).map((check) => check.name)
  assert.deepEqual(new Set(failed), new Set(log.fails), `${name}\n${stdout}`)
  assert.equal(code, log.fails.length === 0 ? 0 : 1, name)
  const ours = await verifyLog({ ...readerOf(files), trust, since, sha256, verifyEd25519 })
  assert.deepEqual(summary(report), summary(ours), name)
}

// What two independent verifiers must agree on to the letter; the wording of details is each one's own.
function summary({ ok, origin, size, root, checks }: AuditReport) {
  const results = checks.map(({ name, ok: passed, problems, problemCount }) => ({
    name,
    passed,
    problemCount,
    positions: problems.map(({ position }) => position),
  }))
  return { ok, origin, size, root, results }
}

async function writeFiles(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), bytes)
  }
}

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'keystead-python-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

function python(...argv: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  // No bytecode: the tests leave no files in the source tree.
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  return new Promise((done) => {
    const child = execFile(
      'python3',
      argv,
      { cwd: PYTHON, env, timeout: 60_000 },
      (_error, stdout, stderr) => {
        done({ code: child.exitCode, stdout, stderr })
      },
    )
  })
}

function succeeds(command: string, ...argv: string[]): boolean {
  return spawnSync(command, argv, { stdio: 'ignore' }).status === 0
}
