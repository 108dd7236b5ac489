// T-27: what a role gives is what it gives now, to every key that has it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issueKey } from '../keys/issue.ts'
import { aKey, anOwner, aRole } from '../keys/keys.test-support.ts'
import { updateKey } from '../keys/update.ts'
import { createProject } from '../projects/create.ts'
import { code } from '../storage/contract.test-support.ts'
import { ask, closeOnce, may, openWorld, type World } from '../world.test-support.ts'
import { createRole } from './create.ts'
import { deactivateRole, updateRole } from './update.ts'

const answer = (world: World, secret: { reveal(): string }, permission: string) =>
  ask(world, secret.reveal(), { permission }).code

test('a key has its own permissions and those of its roles, and a deny in any of them wins', async (t) => {
  const world = await openWorld(t)
  const trader = await aRole(world, { permissions: ['orders.*:trade', 'market:read'] })
  const careful = await aRole(world, { permissions: ['!orders.futures:trade'] })
  const { secret } = await aKey(world, { permissions: ['funds:read'], roles: [trader.id, careful.id] })
  assert.equal(answer(world, secret, 'funds:read'), 'VALID')
  assert.equal(answer(world, secret, 'orders.spot:trade'), 'VALID')
  assert.equal(answer(world, secret, 'orders.futures:trade'), 'INSUFFICIENT_PERMISSIONS')
  assert.equal(answer(world, secret, 'market:read AND NOT orders.futures:trade'), 'VALID')
})

test('a role that changes changes every key that has it, at once and after a restart', async (t) => {
  const world = await openWorld(t)
  const role = await aRole(world, { permissions: ['market:read'] })
  const keys = await Promise.all(
    [1, 2, 3].map(async () => aKey(world, { permissions: ['a:b'], roles: [role.id] })),
  )
  const other = await aKey(world, { permissions: ['market:read'] })
  await updateRole(world.domain, may('roles:update'), role.id, { permissions: ['funds:withdraw'] })
  await closeOnce(world.store)
  const next = await openWorld(t, { folder: world.folder, clock: world.clock })
  for (const now of [world, next]) {
    for (const { secret } of keys) {
      assert.equal(answer(now, secret, 'market:read'), 'INSUFFICIENT_PERMISSIONS')
      assert.equal(answer(now, secret, 'funds:withdraw'), 'VALID')
    }
    assert.equal(answer(now, other.secret, 'market:read'), 'VALID')
  }
})

test('a deactivated role gives nothing, denies nothing, cannot be given, changed or named again', async (t) => {
  const world = await openWorld(t)
  const role = await aRole(world, { name: 'trader', permissions: ['market:read', '!a:b'] })
  const { key, secret } = await aKey(world, { permissions: ['a:b'], roles: [role.id] })
  assert.equal(answer(world, secret, 'a:b'), 'INSUFFICIENT_PERMISSIONS')
  await deactivateRole(world.domain, may('roles:deactivate'), role.id)
  assert.equal(answer(world, secret, 'market:read'), 'INSUFFICIENT_PERMISSIONS')
  assert.equal(answer(world, secret, 'a:b'), 'VALID')
  await assert.rejects(aKey(world, { roles: [role.id] }), code('role.not_found'))
  await assert.rejects(updateRole(world.domain, may('roles:update'), role.id, {}), code('role.deactivated'))
  const again = createRole(world.domain, may('roles:create'), {
    projectId: world.projectId,
    name: 'trader',
    permissions: ['a:b'],
  })
  await assert.rejects(again, code('role.exists'))
  const renamed = await updateKey(world.domain, may('keys:update'), 'issued', key.id, { name: 'x' })
  assert.deepEqual(renamed.roles, [role.id])
})

test('a role of another project cannot be given', async (t) => {
  const world = await openWorld(t)
  const other = await createProject(world.domain, may('projects:create'), { name: 'other' })
  const role = await aRole(world, { projectId: other.id })
  await assert.rejects(aKey(world, { roles: [role.id] }), code('role.not_found'))
  const { key } = await aKey(world)
  const update = updateKey(world.domain, may('keys:update'), 'issued', key.id, { roles: [role.id] })
  await assert.rejects(update, code('role.not_found'))
})

test('a credential that is bound to one environment cannot change what keys of the others may do', async (t) => {
  const world = await openWorld(t)
  const role = await aRole(world)
  const by = may('roles:update', { projectId: world.projectId, environment: 'staging' })
  await assert.rejects(updateRole(world.domain, by, role.id, { permissions: ['*'] }), code('access.denied'))
})

test('a key is given at least one permission or role', async (t) => {
  const world = await openWorld(t)
  const owner = await anOwner(world)
  const key = { projectId: world.projectId, environment: 'production', ownerId: owner.id } as const
  const nothing = issueKey(world.domain, may('keys:create'), { ...key, permissions: [] })
  await assert.rejects(nothing, code('request.invalid'))
  const role = await aRole(world)
  const { secret } = await issueKey(world.domain, may('keys:create'), {
    ...key,
    permissions: [],
    roles: [role.id],
  })
  assert.equal(answer(world, secret, 'market:read'), 'VALID')
})
