import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { batchPath } from '@keystead/protocol/audit-batches'
import { TARGETS_MAX } from '@keystead/protocol/audit-event'
import { openApi } from '../packages/server/src/http/api.test-support.ts'
import { saveProjects } from '../packages/server/src/storage/contract.test-support.ts'
import { temporaryFolder } from '../packages/server/src/world.test-support.ts'
import { requireOrSkip } from '../tools/required.ts'
import { keystead } from './program.ts'
import { hasPython, python } from './python-verifier.ts'

test('an export of a change of more objects than an event names verifies, and a batch that was changed is refuted', async (t) => {
  if (!requireOrSkip(t, hasPython(), 'python3 and openssl')) return
  const { world, port } = await openApi(t)
  const folder = temporaryFolder(t)
  const target = join(folder, 'export')
  const credential = join(folder, 'credential')
  const trust = join(folder, 'trust')
  const { position } = await saveProjects(world.store, TARGETS_MAX + 1)
  await world.publisher.publish()
  writeFileSync(credential, world.bootstrap, { mode: 0o600 })
  writeFileSync(trust, `log ${world.publisher.verifierKey}\nquorum none\n`)
  const env = { KEYSTEAD_URL: `http://127.0.0.1:${port}`, KEYSTEAD_CREDENTIAL_FILE: credential }
  const exported = await keystead(['audit', 'export', '--to', target, '--state'], env)
  assert.equal(exported.code, 0, exported.err)
  const batch = join(target, batchPath(position ?? 0))
  assert.ok(existsSync(batch))
  const verify = async (): Promise<readonly (number | null)[]> => {
    const ours = await keystead(['audit', 'verify', target, '--trust', trust], {})
    const theirs = await python('-m', 'keystead_audit', 'verify', target, '--trust', trust)
    return [ours.code, theirs.code]
  }
  assert.deepEqual(await verify(), [0, 0])
  writeFileSync(batch, readFileSync(batch, 'utf8').replace('"version":1', '"version":2'))
  assert.deepEqual(await verify(), [1, 1])
})
