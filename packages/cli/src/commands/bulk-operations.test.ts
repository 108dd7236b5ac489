import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { formatApiKey } from '@keystead/protocol/api-key'
import { runCli } from '../cli.ts'
import { COMMANDS } from '../commands.ts'
import { json, testWorld, type TestWorld } from '../world.test-support.ts'

const ID = 'blk_01k3f8c2x5w9m7q4t6v0b1n2p3'
const OPERATION = {
  ...{ id: ID, action: 'revoke', phase: 'waiting', undoUntil: Date.UTC(2026, 10, 22, 1) },
  ...{ total: 200, changed: 150, skipped: 50, settled: 0, kept: 0 },
}
const PREVIEW = {
  ...{ total: 2, affected: 1, skipped: [{ reason: 'expired', count: 1 }] },
  ...{ owners: [{ ownerId: 'own_1', count: 1 }], sample: ['key_1'], confirm: 'a.b.c' },
}

/** A credential of the right form, which nobody has issued. */
function credentialFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'keystead-cli-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const parts = { brand: 'ks', kind: 'root', environment: 'production' } as const
  const file = join(folder, 'root.key')
  writeFileSync(file, formatApiKey({ ...parts, locator: 'abcdefghijkl', secret: 'S'.repeat(32) }), {
    mode: 0o600,
  })
  return file
}

const run = async (t: TestContext, world: TestWorld, ...argv: readonly string[]) =>
  runCli(COMMANDS, [...argv, '--credential-file', credentialFile(t)], world)

test('keys bulk sends the query, the change and the confirmation, and shows a dry run', async (t) => {
  let body: unknown = null
  const world = testWorld({
    respond: async (request) => {
      body = await request.json()
      return json({ preview: PREVIEW, operation: null })
    },
  })
  const query = ['--owner', 'own_1', '--owner', 'own_2', '--rotated-before', '2026-01-01T00:00:00Z']
  const change = ['--add-permission', 'market:read', '--no-expiry', '--undo', '0s', '--confirm', 'a.b.c']
  assert.equal(await run(t, world, 'keys', 'bulk', 'update', ...query, ...change, '--dry-run'), 0)
  assert.deepEqual(body, {
    action: 'update',
    query: { ownerIds: ['own_1', 'own_2'], rotatedBefore: Date.UTC(2026, 0, 1) },
    parameters: { permissionsAdd: ['market:read'], expiresAt: null },
    undoSeconds: 0,
    dryRun: true,
    confirm: 'a.b.c',
  })
  for (const text of ['nothing was changed', '1 expired', 'own_1 1', 'key_1', 'a.b.c'])
    assert.ok(world.out().includes(text), text)
})

test('a bulk operation that is still running is followed with a line of progress on stderr', async (t) => {
  const world = testWorld({
    respond: (request) =>
      request.method === 'GET'
        ? json(OPERATION)
        : json({ preview: PREVIEW, operation: { ...OPERATION, phase: 'running', changed: 70, skipped: 5 } }),
  })
  assert.equal(await run(t, world, 'keys', 'bulk', 'revoke', '--every-key'), 0)
  assert.equal(world.err(), 'running: 75 of 200 keys\n')
  assert.deepEqual(world.requests, ['POST /v1/keys:bulk', `GET /v1/bulk-operations/${ID}`])
  assert.match(world.out(), /phase +waiting/)
  assert.match(world.out(), /undo until/)
})

test('a failed operation has exit code 1, and an id that is none is never sent', async (t) => {
  const failed = testWorld({ respond: () => json({ ...OPERATION, phase: 'failed' }) })
  assert.equal(await run(t, failed, 'bulk-operations', 'get', ID), 1)
  const world = testWorld({ respond: () => json(OPERATION) })
  assert.equal(await run(t, world, 'bulk-operations', 'undo', '../keys'), 2)
  assert.deepEqual(world.requests, [])
})
