// T-09: nobody hands out, renews or keeps alive more than they have.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProject } from '../projects/create.ts'
import { DAY, may, openWorld, START, type World } from '../world.test-support.ts'
import { issueKey, issueRootKey, type NewRootKey } from './issue.ts'
import { aKey, anOwner, aRootKey } from './keys.test-support.ts'
import { getKey, listKeys } from './read.ts'
import { revokeKey } from './revoke.ts'
import { rotateKey } from './rotate.ts'
import { updateKey } from './update.ts'

type Bounds = Parameters<typeof may>[1]
const code = (expected: string) => (error: unknown) => {
  assert.equal((error as { code?: unknown }).code, expected)
  return true
}
const ROTATION = { overlapSeconds: 0, reason: 'unspecified' } as const
const PAGE = { limit: 200, cursor: null }

/** The attempt is refused with this code, and the log has not grown. */
async function refused(world: World, attempt: Promise<unknown>, expected: string): Promise<void> {
  const { size } = world.store.head()
  await assert.rejects(attempt, code(expected))
  assert.equal(world.store.head().size, size)
}

const create = (world: World, bounds: Bounds, input: Partial<NewRootKey>) =>
  issueRootKey(world.domain, may('root-keys:create', bounds), {
    permissions: ['keys:verify'],
    expiresAt: START + DAY,
    ...input,
  })

test('a root key with more permissions than the caller has is not created', async (t) => {
  const world = await openWorld(t)
  const permissions = ['root-keys:*', 'keys:read']
  for (const wish of [['*'], ['keys:*'], ['*:read'], ['keys:read', 'keys:verify'], ['audit:read']])
    await refused(world, create(world, { permissions }, { permissions: wish }), 'access.escalation')
  await create(world, { permissions }, { permissions: ['keys:read', 'root-keys:read'] })
})

test('a deny of the caller stays with what it hands out', async (t) => {
  const world = await openWorld(t)
  const permissions = ['*', '!keys:revoke']
  await refused(world, create(world, { permissions }, { permissions: ['*'] }), 'access.escalation')
  await refused(world, create(world, { permissions }, { permissions: ['keys:*'] }), 'access.escalation')
  await create(world, { permissions }, { permissions: ['*', '!keys:revoke'] })
})

test('a caller of one project makes no root key for every project, nor for another', async (t) => {
  const world = await openWorld(t)
  const other = await createProject(world.domain, may('projects:create'), { name: 'other' })
  const bounds = { projectId: world.projectId }
  await refused(world, create(world, bounds, { projectId: null }), 'access.escalation')
  await refused(world, create(world, bounds, { projectId: other.id }), 'project.not_found')
  const { key } = await create(world, bounds, {})
  assert.equal(key.projectId, world.projectId)
})

test('a caller of one environment makes no root key for every environment, nor for another', async (t) => {
  const world = await openWorld(t)
  const bounds = { projectId: world.projectId, environment: 'staging' } as const
  await refused(world, create(world, bounds, { environment: null }), 'access.escalation')
  await refused(world, create(world, bounds, { environment: 'production' }), 'access.escalation')
  const { key } = await create(world, bounds, {})
  assert.equal(key.environment, 'staging')
})

test('a root key is bound as its caller is unless an unbound caller says otherwise', async (t) => {
  const world = await openWorld(t)
  const { key } = await create(world, {}, { projectId: null, environment: null })
  assert.deepEqual([key.projectId, key.environment], [null, null])
})

test('a stronger root key is neither rotated nor updated, since that would hand over or keep alive what it can do', async (t) => {
  const world = await openWorld(t)
  const strong = await aRootKey(world, { permissions: ['*'] })
  const bounds = { permissions: ['root-keys:*', 'keys:verify'] }
  const id = strong.key.id
  await refused(
    world,
    rotateKey(world.domain, may('root-keys:rotate', bounds), 'root', id, ROTATION),
    'access.escalation',
  )
  for (const change of [{ name: 'x' }, { expiresAt: START + 2 * DAY }, { permissions: ['keys:verify'] }])
    await refused(
      world,
      updateKey(world.domain, may('root-keys:update', bounds), 'root', id, change),
      'access.escalation',
    )
})

test('a root key is not widened beyond what the caller has', async (t) => {
  const world = await openWorld(t)
  const { key } = await aRootKey(world, { permissions: ['keys:verify'] })
  const bounds = { permissions: ['root-keys:*', 'keys:verify'] }
  const widen = (permissions: readonly string[]) =>
    updateKey(world.domain, may('root-keys:update', bounds), 'root', key.id, { permissions })
  await refused(world, widen(['*']), 'access.escalation')
  await refused(world, widen(['keys:verify', 'audit:read']), 'access.escalation')
  await widen(['root-keys:read'])
})

test('a weaker caller may still revoke a stronger root key: taking away is no escalation', async (t) => {
  const world = await openWorld(t)
  const { key } = await aRootKey(world, { permissions: ['*'] })
  const by = may('root-keys:revoke', { permissions: ['root-keys:revoke'], projectId: world.projectId })
  const { key: revoked } = await revokeKey(world.domain, by, 'root', key.id, 'unspecified')
  assert.equal(revoked.state, 'deactivated')
})

/** Where a caller may be bound so that a production key of the first project is out of its reach. */
async function foreignBounds(world: World): Promise<readonly NonNullable<Bounds>[]> {
  const other = await createProject(world.domain, may('projects:create'), { name: 'other' })
  return [
    { projectId: other.id },
    { environment: 'staging' },
    { projectId: other.id, environment: 'production' },
    { projectId: world.projectId, environment: 'development' },
  ]
}

test('a key in another project or environment does not exist for the caller, whatever it asks', async (t) => {
  const world = await openWorld(t)
  const issued = (await aKey(world)).key.id
  const root = (await aRootKey(world)).key.id
  for (const bounds of await foreignBounds(world)) {
    const { domain } = world
    const attempts = [
      () => getKey(domain, may('keys:read', bounds), 'issued', issued),
      () => updateKey(domain, may('keys:update', bounds), 'issued', issued, { name: 'x' }),
      () => rotateKey(domain, may('keys:rotate', bounds), 'issued', issued, ROTATION),
      () => revokeKey(domain, may('keys:revoke', bounds), 'issued', issued, 'unspecified'),
      () => getKey(domain, may('root-keys:read', bounds), 'root', root),
      () => updateKey(domain, may('root-keys:update', bounds), 'root', root, { name: 'x' }),
      () => rotateKey(domain, may('root-keys:rotate', bounds), 'root', root, ROTATION),
      () => revokeKey(domain, may('root-keys:revoke', bounds), 'root', root, 'unspecified'),
    ]
    for (const attempt of attempts) await refused(world, attempt(), 'key.not_found')
    assert.deepEqual(await listKeys(domain, may('keys:read', bounds), 'issued', {}, PAGE), {
      items: [],
      nextCursor: null,
    })
    const everywhere = { projectId: world.projectId, environment: 'production' } as const
    const page = await listKeys(domain, may('keys:read', bounds), 'issued', everywhere, PAGE)
    assert.deepEqual(page.items, [])
  }
})

test('an unbound root key does not exist for a bound caller', async (t) => {
  const world = await openWorld(t)
  const unbound = await create(world, {}, { projectId: null, environment: null })
  for (const bounds of [{ projectId: world.projectId }, { environment: 'production' }] as const) {
    const by = may('root-keys:rotate', bounds)
    await refused(world, rotateKey(world.domain, by, 'root', unbound.key.id, ROTATION), 'key.not_found')
  }
})

test('an API key is not reached by the operations for root keys, nor a root key by those for API keys', async (t) => {
  const world = await openWorld(t)
  const issued = (await aKey(world)).key.id
  const root = (await aRootKey(world)).key.id
  const { domain } = world
  await refused(world, rotateKey(domain, may('root-keys:rotate'), 'root', issued, ROTATION), 'key.not_found')
  await refused(world, rotateKey(domain, may('keys:rotate'), 'issued', root, ROTATION), 'key.not_found')
  await refused(world, revokeKey(domain, may('keys:revoke'), 'issued', root, 'unspecified'), 'key.not_found')
})

test('a caller issues API keys only in its environment and project, and to owners of that project', async (t) => {
  const world = await openWorld(t)
  const other = await createProject(world.domain, may('projects:create'), { name: 'other' })
  const owner = await anOwner(world)
  const input = { environment: 'production', ownerId: owner.id, permissions: ['market:read'] } as const
  const issue = (bounds: Bounds, more: { projectId?: string } = {}) =>
    issueKey(world.domain, may('keys:create', bounds), { ...input, ...more })
  await refused(world, issue({ projectId: world.projectId, environment: 'staging' }), 'access.denied')
  await refused(world, issue({ projectId: world.projectId }, { projectId: other.id }), 'project.not_found')
  await refused(world, issue({ projectId: other.id }), 'owner.not_found')
  await refused(world, issue({}), 'project.required')
  await issue({ projectId: world.projectId, environment: 'production' })
})

test('an action that needs a second person is refused while people cannot approve', async (t) => {
  const world = await openWorld(t)
  assert.throws(() => may('keys:revoke', { permissions: ['keys:read'] }), code('access.denied'))
  assert.equal(world.store.head().size, 1)
})
