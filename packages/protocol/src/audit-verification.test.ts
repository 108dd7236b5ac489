import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderReport } from './audit-report.ts'
import { CannotVerifyError, verifyLog } from './audit-verification.ts'
import { sha256, verifyEd25519 } from './node-crypto.test-support.ts'
import { exportLog, newSigner, policyFor, readerOf, sampleLeaves } from './sample-log.test-support.ts'
import { tamperMatrix, untouched } from './tamper-matrix.test-support.ts'
import type { LogCase } from './tampered-logs.test-support.ts'

test('an untouched log is verified at every size, with and without an older checkpoint', async () => {
  for (const log of untouched().logs) await judge(log)
})

test('every kind of tampering is refuted by exactly the checks that see it, and the report names the place', async () => {
  for (const log of tamperMatrix().flatMap(({ logs }) => logs)) await judge(log)
})

test('an unusable trust policy, older checkpoint or folder is an error of its own, not a verdict on the log', async () => {
  const signer = newSigner()
  const files = exportLog(sampleLeaves(3), signer)
  const trust = policyFor(signer)
  const cases = [
    { files, trust: '', since: null },
    { files, trust: `${trust}quorum all\n`, since: null },
    { files, trust, since: 'not a note' },
    { files, trust, since: Buffer.from(exportLog([], newSigner()).get('checkpoint') ?? '').toString() },
    { files: new Map<string, Uint8Array>(), trust, since: null },
  ]
  for (const { files: present, ...input } of cases) {
    const reader = readerOf(present)
    await assert.rejects(verifyLog({ ...reader, sha256, verifyEd25519, ...input }), CannotVerifyError)
  }
})

test('a log in which everything is wrong still makes a short report', async () => {
  const signer = newSigner()
  const files = exportLog(Array<Uint8Array>(1_000).fill(Uint8Array.of(1)), signer)
  const report = await verifyLog({
    ...readerOf(files),
    trust: policyFor(signer),
    sha256,
    verifyEd25519,
  })
  const events = report.checks.find(({ name }) => name === 'events')
  assert.equal(events?.problemCount, 1_000)
  assert.equal(events.problems.length, 100)
  assert.match(renderReport(report), /and 900 more/)
})

async function judge({ name, files, fails, names, ...input }: LogCase): Promise<void> {
  const report = await verifyLog({ ...readerOf(files), sha256, verifyEd25519, ...input })
  const text = renderReport(report)
  const failed = report.checks.filter(({ ok }) => !ok).map((check) => check.name)
  assert.deepEqual(new Set(failed), new Set(fails), `${name}\n${text}`)
  assert.equal(report.ok, fails.length === 0, name)
  for (const part of names) assert.ok(text.includes(part), `${name}: no "${part}" in\n${text}`)
}
