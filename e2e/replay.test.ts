import assert from 'node:assert/strict'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { AuditReport } from '@keystead/protocol/audit-report'
import { requireOrSkip } from '../tools/required.ts'
import { openServer } from './api.ts'
import { SeededDice } from './dice.ts'
import { keystead } from './program.ts'
import { agreed, hasPython, python } from './python-verifier.ts'
import { RandomChanges } from './random-changes.ts'

const SEED = 20_261_125
/** More than one bundle of entries and one page of the state. */
const CHANGES = [40, 300, 300] as const
/** Damaged copies of each export that both verifiers must judge alike. */
const DAMAGED = 4

test('random changes by a real server replay in both verifiers, with the same report, and damage is seen by both', async (t) => {
  if (!requireOrSkip(t, hasPython(), 'python3 and openssl')) return
  const { folder, url, credentialFile, api } = await openServer(t)
  await writeFile(
    join(folder, 'trust'),
    `log ${(await api.send('GET', '/v1/audit/log/key')).text.trim()}\nquorum none\n`,
  )
  const random = new SeededDice(SEED).throw
  const changes = new RandomChanges(api, random)
  for (const [round, count] of CHANGES.entries()) {
    await changes.make(count)
    const target = join(folder, `export-${round}`)
    // Changes go on while the state is exported.
    const [exported] = await Promise.all([
      keystead(['audit', 'export', '--to', target, '--state'], {
        KEYSTEAD_URL: url,
        KEYSTEAD_CREDENTIAL_FILE: credentialFile,
      }),
      changes.make(30),
    ])
    assert.equal(exported.code, 0, exported.err)
    const report = await verifyByBoth(folder, target)
    assert.ok(report.ok, JSON.stringify(report.checks, null, 1))
    assert.match(report.checks.find(({ name }) => name === 'state')?.detail ?? '', /^\d+ objects are/)
    for (let at = 0; at < DAMAGED; at++) await refuseDamaged(t, folder, target, random)
  }
  assert.ok(changes.refused < 300, 'most changes are made')
  t.diagnostic(`seed ${SEED}: ${changes.refused} changes were refused`)
})

/** Both verifiers' one report. */
async function verifyByBoth(folder: string, target: string): Promise<AuditReport> {
  const trust = ['--trust', join(folder, 'trust'), '--json']
  const ours = await keystead(['audit', 'verify', target, ...trust], {})
  const theirs = await python('-m', 'keystead_audit', 'verify', target, ...trust)
  assert.equal(theirs.stderr, '')
  const report = JSON.parse(ours.out) as AuditReport
  assert.deepEqual(agreed(JSON.parse(theirs.stdout) as AuditReport), agreed(report))
  assert.equal(theirs.code, ours.code)
  return report
}

/** One byte of one file changed, at random. */
async function refuseDamaged(
  t: TestContext,
  folder: string,
  target: string,
  random: () => number,
): Promise<void> {
  const copy = join(folder, 'damaged')
  await cp(target, copy, { recursive: true })
  const entries = await readdir(copy, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name !== 'trust.policy')
  const file = files[Math.floor(random() * files.length)]
  assert.ok(file)
  const path = join(file.parentPath, file.name)
  const bytes = await readFile(path)
  const at = Math.floor(random() * bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 + Math.floor(random() * 255))
  await writeFile(path, bytes)
  const report = await verifyByBoth(folder, copy)
  t.diagnostic(
    `byte ${at} of ${file.name} changed: ${report.checks
      .filter(({ ok }) => !ok)
      .map(({ name }) => name)
      .join(', ')}`,
  )
  assert.ok(!report.ok, `byte ${at} of ${path}`)
  await rm(copy, { recursive: true })
}
