import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { verifyLog } from '@keystead/protocol/audit-verification'
import {
  HAS_VECTORS,
  sha256,
  VECTORS,
  verifyEd25519,
} from '../packages/protocol/src/node-crypto.test-support.ts'
import { readerOf } from '../packages/protocol/src/sample-log.test-support.ts'
import type { ViewCase } from '../packages/protocol/src/split-views.test-support.ts'
import { tamperMatrix, untouched } from '../packages/protocol/src/tamper-matrix.test-support.ts'
import type { LogCase } from '../packages/protocol/src/tampered-logs.test-support.ts'
import { requireOrSkip } from '../tools/required.ts'
import { agreed, compareInPython, forEach, hasPython, python, verifyInPython } from './python-verifier.ts'

const HAS_TOOLS = hasPython()
const TOOLS_NAME = 'python3 and openssl'

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
  const { logs, views } = untouched()
  await judgeAll(logs)
  await compareAll(views)
})

test('Python refutes every kind of tampering by the same checks, with the same report, as TypeScript', async (t) => {
  if (!requireOrSkip(t, HAS_TOOLS, TOOLS_NAME)) return
  const matrix = tamperMatrix()
  await judgeAll(matrix.flatMap(({ logs }) => logs))
  await compareAll(matrix.flatMap(({ views }) => views))
})

test('Python exits with 2 when it cannot verify at all', async (t) => {
  if (!requireOrSkip(t, HAS_TOOLS, TOOLS_NAME)) return
  const folder = await mkdtemp(join(tmpdir(), 'keystead-python-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'policy'), 'witness w\n')
  for (const trust of [join(folder, 'policy'), join(folder, 'missing')]) {
    const { code, stdout, stderr } = await python('-m', 'keystead_audit', 'verify', folder, '--trust', trust)
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.match(stderr, /^could not run: /)
  }
})

async function judgeAll(logs: readonly LogCase[]): Promise<void> {
  await forEach(logs, async (log) => {
    const { name, files, trust, since } = log
    const { code, report } = await verifyInPython(log)
    assert.ok(report, name)
    const failed = report.checks.filter(({ ok }) => !ok).map((check) => check.name)
    assert.deepEqual(new Set(failed), new Set(log.fails), `${name}\n${JSON.stringify(report)}`)
    assert.equal(code, log.fails.length === 0 ? 0 : 1, name)
    const ours = await verifyLog({ ...readerOf(files), trust, since, sha256, verifyEd25519 })
    assert.deepEqual(agreed(report), agreed(ours), name)
  })
}

async function compareAll(views: readonly ViewCase[]): Promise<void> {
  await forEach(views, async (view) => {
    const { code, comparison } = await compareInPython(view)
    assert.equal(comparison?.verdict ?? null, view.verdict, view.name)
    assert.equal(code, view.verdict === null ? 2 : view.verdict === 'consistent' ? 0 : 1, view.name)
  })
}
