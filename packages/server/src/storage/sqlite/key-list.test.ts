import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '../../ids.ts'
import { systemRandom } from '../../random.ts'
import { openWorld } from '../../world.test-support.ts'
import { event, newKey, newOwner, newProject, PROVENANCE, saveProject } from '../contract.test-support.ts'
import type { ApiKey } from '../records.ts'
import type { KeyFilter, Reader } from '../store.ts'

const ANY: KeyFilter = {
  kind: 'issued',
  projectId: null,
  environment: null,
  ownerId: null,
  roleId: null,
  state: null,
  now: 1,
}
const STATES = [
  null,
  'pre-active',
  'active',
  'suspended',
  'deactivated',
  'compromised',
  'destroyed',
  'expired',
] as const

/** Every combination of what can be filtered by. */
function* filters(): Iterable<KeyFilter> {
  const owner = newId('owner', () => 1, systemRandom)
  const role = newId('role', () => 1, systemRandom)
  const project = newProject().id
  for (const kind of ['root', 'issued'] as const)
    for (const projectId of [null, project])
      for (const environment of [null, 'production'] as const)
        for (const ownerId of [null, owner])
          for (const roleId of [null, role])
            for (const state of STATES) yield { ...ANY, kind, projectId, environment, ownerId, roleId, state }
}

test('whatever keys are filtered by, one index gives them in their order and nothing is sorted', async (t) => {
  const world = await openWorld(t)
  const statements = new Set<string>()
  const { reader: connection } = world.database
  const prepare = connection.prepare.bind(connection)
  connection.prepare = (sql) => {
    statements.add(sql)
    return prepare(sql)
  }
  const cursor = newId('key', () => 1, systemRandom)
  for (const filter of filters())
    for (const from of [null, cursor]) await world.store.reader.keys(filter, { limit: 100, cursor: from })
  assert.ok(statements.size > 50)
  for (const sql of statements) {
    const plan = prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all(...Array.from(sql.matchAll(/\?/g), () => ''))
      .map((step) => String(step['detail']))
    assert.equal(plan.length, 1, `${sql}: ${plan.join('; ')}`)
    const [range = ''] = sql.split(' and (')
    // Without a project, owner or class the rows themselves are in the order of ids.
    const settled = /project_id" = \? and state = '(\w+)'/.exec(range)?.[1]
    const index = /kind = 'root'/.test(range)
      ? 'root'
      : /owner_id" =/.test(range)
        ? 'owner'
        : (settled ?? (/"environment" =/.test(range) ? 'place' : 'project'))
    const isNarrowed = /kind = 'root'|owner_id" =|project_id" =/.test(range)
    const expected = isNarrowed ? new RegExp(` USING (COVERING )?INDEX api_key_${index}\\b`) : / api_key/
    assert.match(plan[0] ?? '', expected, sql)
  }
})

/** All pages, and how many items each had. */
async function walk(
  reader: Reader,
  filter: KeyFilter,
): Promise<{ readonly ids: string[]; readonly sizes: number[] }> {
  const ids: string[] = []
  const sizes: number[] = []
  for (let cursor: string | null = null; ;) {
    const page = await reader.keys(filter, { limit: 50, cursor })
    ids.push(...page.items.map(({ id }) => id))
    sizes.push(page.items.length)
    cursor = page.nextCursor
    if (cursor === null) return { ids, sizes }
  }
}

test('a page looks at a bounded number of keys, and all pages together have every key of the filter', async (t) => {
  const world = await openWorld(t)
  const project = newProject()
  const owner = newOwner(project)
  await saveProject(world.store, project)
  const keys: ApiKey[] = Array.from({ length: 4_500 }, (_, i) =>
    newKey(owner, {
      expiresAt: i % 1_500 === 700 ? 5 : null,
      state: i % 1_000 === 999 ? 'suspended' : i % 3 === 0 ? 'deactivated' : 'active',
    }),
  )
  await world.store.transact(PROVENANCE, async (tx) => {
    await tx.saveOwner(null, owner)
    tx.record(event('owner.created'))
  })
  await Promise.all(
    Array.from({ length: keys.length / 50 }, async (_, i) =>
      world.store.transact(PROVENANCE, async (tx) => {
        for (const key of keys.slice(50 * i, 50 * i + 50)) await tx.saveKey(null, key)
        tx.record(event('key.created'))
      }),
    ),
  )
  const { reader } = world.store
  const of = (wanted: (key: ApiKey) => boolean): string[] =>
    keys
      .filter(wanted)
      .map(({ id }) => id)
      .toSorted()
  const running = ({ state }: ApiKey): boolean => state !== 'deactivated'
  const filter = { ...ANY, projectId: project.id, environment: 'production', now: 6 } as const
  const expired = await walk(reader, { ...filter, state: 'expired' })
  assert.deepEqual(
    expired.ids,
    of((key) => key.expiresAt !== null && running(key)),
  )
  assert.equal(expired.sizes.length, 3)
  const suspended = await walk(reader, { ...filter, state: 'suspended' })
  assert.deepEqual(
    suspended.ids,
    of((key) => key.state === 'suspended' && key.expiresAt === null),
  )
  assert.equal(suspended.sizes.length, 1)
  for (const state of ['active', 'deactivated'] as const) {
    const found = await walk(reader, { ...filter, state })
    assert.deepEqual(
      found.ids,
      of((key) => key.state === state && (state === 'deactivated' || key.expiresAt === null)),
    )
  }
  assert.deepEqual((await walk(reader, { ...filter, environment: 'staging' })).ids, [])
})
