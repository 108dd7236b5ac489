import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseApiKey } from '@keystead/protocol/api-key'
import { VERSIONS_HELD_MAX } from '@keystead/protocol/decision'
import { REVOCATION_REASONS, type RevocationReason } from '@keystead/protocol/lifecycle'
import {
  ask,
  closeOnce,
  DAY,
  HOUR,
  may,
  openWorld,
  SECOND,
  START,
  type World,
} from '../world.test-support.ts'
import { aKey, anOwner, rotated } from './keys.test-support.ts'
import { getKey } from './read.ts'
import { revokeKey } from './revoke.ts'
import { updateKey } from './update.ts'

const revoke = (world: World, id: string, reason: RevocationReason = 'unspecified') =>
  revokeKey(world.domain, may('keys:revoke'), 'issued', id, reason)
const update = (world: World, id: string, change: Parameters<typeof updateKey>[4]) =>
  updateKey(world.domain, may('keys:update'), 'issued', id, change)
const code = (expected: string) => (error: unknown) => {
  assert.equal((error as { code?: unknown }).code, expected)
  return true
}

test('an issued key is VALID as soon as the answer is there, and its text names brand, kind and environment', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const parts = parseApiKey(secret.reveal())
  assert.equal(parts?.brand, 'ks')
  assert.equal(parts?.environment, 'production')
  assert.equal(parts?.locator, key.locator)
  assert.equal(ask(world, secret.reveal()).code, 'VALID')
  assert.equal(ask(world, secret.reveal(), { environment: 'staging' }).code, 'NOT_FOUND')
})

test('an owner of another project gets no key', async (t) => {
  const world = await openWorld(t)
  await assert.rejects(aKey(world, { ownerId: 'own_00000000000000000000000000' }), code('owner.not_found'))
})

test('a rotated key keeps its id, brand, kind, environment and locator, and has a new secret', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const next = await rotated(world, key.id, 3_600)
  const [before, after] = [parseApiKey(secret.reveal()), parseApiKey(next.secret.reveal())]
  assert.equal(next.key.id, key.id)
  assert.deepEqual({ ...after, secret: '' }, { ...before, secret: '' })
  assert.notEqual(after?.secret, before?.secret)
  assert.deepEqual(
    next.key.versions.map((version) => version.number),
    [2, 1],
  )
})

test('both versions are accepted during the overlap, only the new one from its end on', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const next = await rotated(world, key.id, 3_600)
  assert.equal(next.previousAcceptedUntil, START + HOUR)
  world.clock.advance(HOUR - 1)
  assert.equal(ask(world, secret.reveal()).version, 1)
  assert.equal(ask(world, secret.reveal()).code, 'VALID')
  world.clock.advance(1)
  const old = ask(world, secret.reveal())
  assert.deepEqual([old.code, old.reason], ['EXPIRED', 'rotated'])
  assert.equal(ask(world, next.secret.reveal()).code, 'VALID')
})

test('a rotation never extends a key that expires before the overlap ends', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world, { expiresAt: START + HOUR })
  const next = await rotated(world, key.id, 86_400)
  assert.equal(next.previousAcceptedUntil, START + HOUR)
  assert.equal(next.key.expiresAt, START + HOUR)
  world.clock.advance(HOUR)
  for (const text of [secret, next.secret]) assert.equal(ask(world, text.reveal()).code, 'EXPIRED')
})

test('a second rotation with a longer overlap does not extend the version that the first one retired', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  await rotated(world, key.id, 60)
  await rotated(world, key.id, 86_400)
  world.clock.advance(60 * SECOND)
  assert.equal(ask(world, secret.reveal()).code, 'EXPIRED')
})

test('a rotation without overlap ends every earlier version at once', async (t) => {
  const world = await openWorld(t)
  const first = await aKey(world)
  const second = await rotated(world, first.key.id, 86_400)
  const third = await rotated(world, first.key.id, 0)
  assert.equal(third.previousAcceptedUntil, START)
  for (const { secret } of [first, second]) assert.equal(ask(world, secret.reveal()).reason, 'rotated')
  assert.equal(ask(world, third.secret.reveal()).code, 'VALID')
})

test('as many versions overlap as a verifier holds, and one more is refused and changes nothing', async (t) => {
  const world = await openWorld(t)
  const first = await aKey(world)
  const secrets = [first.secret]
  while (secrets.length < VERSIONS_HELD_MAX) secrets.push((await rotated(world, first.key.id, 60)).secret)
  for (const secret of secrets) assert.equal(ask(world, secret.reveal()).code, 'VALID')
  const { size } = world.store.head()
  await assert.rejects(rotated(world, first.key.id, 60), code('key.too_many_versions'))
  assert.equal(world.store.head().size, size)
  for (const secret of secrets) assert.equal(ask(world, secret.reveal()).code, 'VALID')
  // The way out that the error names.
  await rotated(world, first.key.id, 0)
  world.clock.advance(60 * SECOND)
  const last = await rotated(world, first.key.id, 60)
  assert.equal(last.key.versions.length, VERSIONS_HELD_MAX)
})

test('a version that is still accepted is never pushed out by retired ones', async (t) => {
  const world = await openWorld(t)
  const first = await aKey(world)
  await rotated(world, first.key.id, 3_600)
  for (let i = 0; i < 6; i++) {
    await rotated(world, first.key.id, 1)
    world.clock.advance(SECOND)
  }
  assert.equal(ask(world, first.secret.reveal()).code, 'VALID')
})

test('a missing permission is told apart from an unknown key', async (t) => {
  const world = await openWorld(t)
  const { secret } = await aKey(world)
  assert.equal(ask(world, secret.reveal(), { permission: 'market:read' }).code, 'VALID')
  const denied = ask(world, secret.reveal(), { permission: 'orders:trade' })
  assert.equal(denied.code, 'INSUFFICIENT_PERMISSIONS')
  assert.ok(denied.record)
})

test('an expired key stays: it is still read, still answered EXPIRED, and can still be revoked', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world, { expiresAt: START + HOUR })
  world.clock.advance(HOUR)
  for (let i = 0; i < 2; i++) assert.equal(ask(world, secret.reveal()).code, 'EXPIRED')
  const { key: read } = await getKey(world.domain, may('keys:read'), 'issued', key.id)
  assert.equal(read.id, key.id)
  await revoke(world, key.id)
  assert.equal(ask(world, secret.reveal()).code, 'REVOKED')
})

test('an expired key is neither rotated nor updated', async (t) => {
  const world = await openWorld(t)
  const { key } = await aKey(world, { expiresAt: START + HOUR })
  world.clock.advance(HOUR)
  await assert.rejects(rotated(world, key.id, 60), code('key.expired'))
  await assert.rejects(update(world, key.id, { expiresAt: START + DAY }), code('key.expired'))
})

test('a key before its first moment is NOT_YET_ACTIVE, then VALID without any change', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world, { notBefore: START + HOUR })
  assert.equal(key.state, 'pre-active')
  assert.equal(ask(world, secret.reveal()).code, 'NOT_YET_ACTIVE')
  world.clock.advance(HOUR)
  assert.equal(ask(world, secret.reveal()).code, 'VALID')
})

for (const [reason, state] of Object.entries(REVOCATION_REASONS)) {
  test(`a key revoked for ${reason} is ${state}, and all its versions are refused at once with that reason`, async (t) => {
    const world = await openWorld(t)
    const { key, secret } = await aKey(world)
    const next = await rotated(world, key.id, 3_600)
    const { key: revoked, position } = await revoke(world, key.id, reason as RevocationReason)
    assert.equal(revoked.state, state)
    assert.equal(revoked.revokedAt, START)
    assert.equal(position, world.store.head().size - 1)
    for (const text of [secret, next.secret]) {
      const { code: answered, reason: why } = ask(world, text.reveal())
      assert.deepEqual([answered, why], ['REVOKED', reason])
    }
  })
}

test('an illegal transition is a conflict that names both states and changes nothing', async (t) => {
  const world = await openWorld(t)
  const { key } = await aKey(world)
  await revoke(world, key.id, 'keyCompromise')
  const { size } = world.store.head()
  const attempts: readonly (readonly [attempt: () => Promise<unknown>, states: RegExp])[] = [
    [() => revoke(world, key.id, 'keyCompromise'), /compromised.*compromised/],
    [() => revoke(world, key.id), /compromised.*deactivated/],
    [() => rotated(world, key.id, 0), /compromised.*active/],
    [() => update(world, key.id, { name: 'x' }), /compromised.*active/],
  ]
  for (const [attempt, states] of attempts) {
    await assert.rejects(attempt, (error: Error & { code?: string; detail?: string }) => {
      assert.equal(error.code, 'key.illegal_transition')
      assert.match(error.detail ?? '', states)
      return true
    })
  }
  assert.equal(world.store.head().size, size)
})

test('a deactivated key can still be found out as compromised, and keeps the time of its revocation', async (t) => {
  const world = await openWorld(t)
  const { key } = await aKey(world)
  await revoke(world, key.id)
  world.clock.advance(HOUR)
  const { key: compromised } = await revoke(world, key.id, 'keyCompromise')
  assert.equal(compromised.state, 'compromised')
  assert.equal(compromised.revokedAt, START)
})

test('an update takes effect with the next verification and keeps the secret', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  await update(world, key.id, { permissions: ['orders:trade'], name: 'desk', expiresAt: START + HOUR })
  assert.equal(ask(world, secret.reveal(), { permission: 'orders:trade' }).code, 'VALID')
  assert.equal(ask(world, secret.reveal(), { permission: 'market:read' }).code, 'INSUFFICIENT_PERMISSIONS')
  world.clock.advance(HOUR)
  assert.equal(ask(world, secret.reveal()).code, 'EXPIRED')
})

test('times that contradict each other are refused at creation and at update', async (t) => {
  const world = await openWorld(t)
  const ownerId = (await anOwner(world)).id
  const wrong = [
    { expiresAt: START },
    { expiresAt: START - 1 },
    { notBefore: START + DAY, expiresAt: START + DAY },
    { notBefore: START + DAY, expiresAt: START + HOUR },
    { expiresAt: START + 4_000 * DAY },
    { notBefore: START + 4_000 * DAY },
  ]
  for (const times of wrong)
    await assert.rejects(aKey(world, { ownerId, ...times }), code('key.invalid_times'))
  const { key } = await aKey(world, { ownerId, notBefore: START + DAY })
  for (const expiresAt of [START, START + HOUR, START + DAY, START + 4_000 * DAY])
    await assert.rejects(update(world, key.id, { expiresAt }), code('key.invalid_times'), String(expiresAt))
  await update(world, key.id, { expiresAt: START + DAY + 1 })
})

test('each change makes one event and one version of the object', async (t) => {
  const world = await openWorld(t)
  const { key } = await aKey(world)
  const { size } = world.store.head()
  await update(world, key.id, { name: 'desk' })
  await rotated(world, key.id, 60)
  const { key: last } = await revoke(world, key.id)
  assert.equal(last.version, 4)
  assert.equal(world.store.head().size, size + 3)
})

test('a restart keeps every key, every version and every refusal', async (t) => {
  const world = await openWorld(t)
  const kept = await aKey(world)
  const next = await rotated(world, kept.key.id, 3_600)
  const gone = await aKey(world)
  await revoke(world, gone.key.id)
  await closeOnce(world.store)
  const second = await openWorld(t, { folder: world.folder, clock: world.clock })
  assert.equal(ask(second, kept.secret.reveal()).version, 1)
  assert.equal(ask(second, next.secret.reveal()).version, 2)
  assert.equal(ask(second, gone.secret.reveal()).code, 'REVOKED')
})
