import assert from 'node:assert/strict'
import { stringAt } from '../json.ts'
import { type IssuedKey, readIssued } from './operator.ts'
import { type Screen, timed } from './screen.ts'
import type { World } from './world.ts'

/** One key for each of the two owners. */
export type Keys = { readonly read: IssuedKey; readonly write: IssuedKey }

/** Creates two owners and issues a read-only key to one and a write key to the other. */
export async function issueStations(world: World, screen: Screen): Promise<Keys> {
  screen.station('owners')
  const reader = await createOwner(world, screen, 'cust-1001', 'Meridian Analytics')
  const writer = await createOwner(world, screen, 'cust-1002', 'Halcyon Trading')
  screen.station('issue')
  const read = await issueKey(world, screen, reader, ['chain:read', 'market:read'])
  // Without a chain the second key needs something that it can call.
  const more = world.chainUrl === undefined ? ['market:read'] : []
  const write = await issueKey(world, screen, writer, ['chain:read', 'chain:send', ...more])
  return { read, write }
}

async function createOwner(world: World, screen: Screen, externalId: string, name: string): Promise<string> {
  const body = { projectId: world.projectId, externalId, name }
  const created = await timed(() => world.operator.post('/v1/owners', body))
  const id = stringAt(created.value, 'id')
  screen.line(`${name.padEnd(18)} ${id}`, created.ms)
  return id
}

async function issueKey(
  world: World,
  screen: Screen,
  ownerId: string,
  permissions: readonly string[],
): Promise<IssuedKey> {
  const body = { projectId: world.projectId, environment: 'production', ownerId, permissions }
  const issued = await timed(() => world.operator.post('/v1/keys', body))
  assert.equal(stringAt(issued.value, 'key', 'state'), 'active')
  const key = readIssued(issued.value)
  screen.line(`${key.shown} ${permissions.join(', ')}`, issued.ms)
  return key
}
