import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issueBootstrapKey, recordStart, rescueBootstrapKey } from './bootstrap.ts'
import { aRootKey } from './keys/keys.test-support.ts'
import { authenticate } from './verify/authenticate.ts'
import { openWorld, testEmitter } from './world.test-support.ts'

test('a first start that died before it handed its key over is followed by a new secret, and the old one is dead', async (t) => {
  const world = await openWorld(t)
  const rescued = await rescueBootstrapKey(world.domain)
  assert(rescued !== null)
  assert.equal(authenticate(world.verifier, rescued.secret.reveal()).keyId, rescued.key.id)
  assert.throws(() => authenticate(world.verifier, world.bootstrap), /access.unauthenticated/)
})

test('once a start has been recorded, a restart makes no key', async (t) => {
  const world = await openWorld(t)
  await recordStart(world.domain, testEmitter())
  const { size } = world.store.head()
  assert.equal(await rescueBootstrapKey(world.domain), null)
  assert.equal(world.store.head().size, size)
})

test('another bootstrap key can do everything, expires, and leaves other root keys as they are', async (t) => {
  const world = await openWorld(t)
  const other = await aRootKey(world)
  const { key, secret } = await issueBootstrapKey(world.domain)
  assert.deepEqual(authenticate(world.verifier, secret.reveal()).reach, {
    projectId: null,
    environment: null,
  })
  assert(key.expiresAt !== null && key.expiresAt > world.clock.now)
  assert.equal(authenticate(world.verifier, other.secret.reveal()).keyId, other.key.id)
  assert.equal(authenticate(world.verifier, world.bootstrap).reach.projectId, null)
})

test('what the log is said to hold in an unsealed column makes no start hand out a key (T-05)', async (t) => {
  const world = await openWorld(t)
  await recordStart(world.domain, testEmitter())
  world.database.writer.exec('DROP TRIGGER audit_entry_is_final')
  world.database.writer.exec("UPDATE audit_entry SET action = 'x' WHERE action = 'server.started'")
  assert.equal(await rescueBootstrapKey(world.domain), null)
})
