import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KEY_STATES, type KeyState } from '@keystead/protocol/lifecycle'
import fc from 'fast-check'
import { visibleState } from '../../keys/state.ts'
import { createProject } from '../../projects/create.ts'
import { closeOnce, may, openWorld, type World } from '../../world.test-support.ts'
import { event, newKey, newOwner, newProject, PROVENANCE, saveProject } from '../contract.test-support.ts'
import type { ApiKey } from '../records.ts'
import type { KeyFilter } from '../store.ts'

const ANY: KeyFilter = {
  kind: 'issued',
  projectId: null,
  environment: null,
  ownerId: null,
  roleId: null,
  state: null,
  now: 0,
}

async function saveKeys(world: World, changes: readonly Partial<ApiKey>[]): Promise<ApiKey[]> {
  const project = newProject()
  const owner = newOwner(project)
  await saveProject(world.store, project)
  const keys = changes.map((change) => newKey(owner, change))
  await world.store.transact(PROVENANCE, async (tx) => {
    await tx.saveOwner(null, owner)
    tx.record(event('owner.created'))
  })
  await Promise.all(
    keys.map(async (key) =>
      world.store.transact(PROVENANCE, async (tx) => {
        await tx.saveKey(null, key)
        tx.record(event('key.created'))
      }),
    ),
  )
  return keys
}

const idsOf = async (world: World, filter: KeyFilter): Promise<string[]> =>
  (await world.store.reader.keys(filter, { limit: 200, cursor: null })).items.map((key) => key.id).toSorted()

test('the state filter agrees with the state that is shown, for random keys at random times', async (t) => {
  const world = await openWorld(t)
  const time = fc.option(fc.integer({ min: 1, max: 9 }))
  const key = fc.record({ state: fc.constantFrom(...KEY_STATES), notBefore: time, expiresAt: time })
  const [changes] = fc.sample(fc.array(key, { minLength: 150, maxLength: 150 }), 1)
  assert.ok(changes)
  const keys = await saveKeys(world, changes)
  for (let now = 0; now <= 10; now++) {
    for (const state of [...KEY_STATES, 'expired'] satisfies (KeyState | 'expired')[]) {
      const expected = keys.filter((each) => visibleState(each, now) === state).map((each) => each.id)
      assert.deepEqual(await idsOf(world, { ...ANY, state, now }), expected.toSorted(), `${state} at ${now}`)
    }
  }
})

test('pages of every size join to the whole, in the order of ids, with nothing twice', async (t) => {
  const world = await openWorld(t)
  const keys = await saveKeys(
    world,
    Array.from({ length: 23 }, () => ({})),
  )
  const all = keys.map((key) => key.id).toSorted()
  for (const limit of [1, 2, 7, 22, 23, 24, 200]) {
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page = await world.store.reader.keys(ANY, { limit, cursor })
      assert.ok(page.items.length <= limit)
      seen.push(...page.items.map((key) => key.id))
      cursor = page.nextCursor
    } while (cursor !== null)
    assert.deepEqual(seen, all, `limit ${limit}`)
  }
})

test('keys are filtered by class, project, environment and owner', async (t) => {
  const world = await openWorld(t)
  const [one] = await saveKeys(world, [{}])
  const [other] = await saveKeys(world, [{ environment: 'staging' }])
  const [root] = await saveKeys(world, [{ kind: 'root', ownerId: null }])
  assert.ok(one && other && root)
  assert.deepEqual(await idsOf(world, { ...ANY, projectId: one.projectId }), [one.id])
  assert.deepEqual(await idsOf(world, { ...ANY, environment: 'staging' }), [other.id])
  assert.deepEqual(await idsOf(world, { ...ANY, ownerId: one.ownerId }), [one.id])
  assert.deepEqual(await idsOf(world, { ...ANY, ownerId: one.ownerId, environment: 'staging' }), [])
  const roots = await idsOf(world, { ...ANY, kind: 'root' })
  assert.equal(roots.length, 2)
  assert.ok(roots.includes(root.id))
})

test('all keys are in the index after a restart, however many pages they take', async (t) => {
  const world = await openWorld(t)
  await saveKeys(
    world,
    Array.from({ length: 1_100 }, () => ({})),
  )
  assert.equal(world.index.size, 1_101)
  await closeOnce(world.store)
  const again = await openWorld(t, { folder: world.folder, clock: world.clock })
  assert.equal(again.index.size, 1_101)
  assert.equal(again.index.position, world.index.position)
})

test('projects and owners are paged and narrowed', async (t) => {
  const world = await openWorld(t)
  const second = await createProject(world.domain, may('projects:create'), { name: 'second' })
  const first = await world.store.reader.projects(null, { limit: 1, cursor: null })
  const rest = await world.store.reader.projects(null, { limit: 1, cursor: first.nextCursor })
  assert.deepEqual(new Set([first.items[0]?.id, rest.items[0]?.id]), new Set([world.projectId, second.id]))
  assert.equal(rest.nextCursor, null)
  const only = await world.store.reader.projects(second.id, { limit: 10, cursor: null })
  assert.deepEqual(
    only.items.map((project) => project.id),
    [second.id],
  )
  assert.equal((await world.store.reader.environments(second.id)).length, 3)
})

test('audit positions are filtered by target and action, and go on after a position', async (t) => {
  const world = await openWorld(t)
  const projects = [newProject(), newProject(), newProject()]
  for (const project of projects) await saveProject(world.store, project)
  const { reader } = world.store
  const action = 'project.created'
  assert.deepEqual(await reader.auditPositions({ targetId: null, action }, -1, 10), [1, 2, 3])
  assert.deepEqual(await reader.auditPositions({ targetId: null, action }, 1, 1), [2])
  assert.deepEqual(
    await reader.auditPositions({ targetId: projects[2]?.id ?? '', action: null }, -1, 10),
    [3],
  )
  assert.deepEqual(await reader.auditPositions({ targetId: 'none', action }, -1, 10), [])
})
