// One well-formed request per operation, on objects of the first project's production environment.
import { ENVIRONMENTS, type Environment } from '@keystead/protocol/api-key'
import { hashText } from '../../hash.ts'
import { createOwner } from '../../owners/create.ts'
import { bulk } from '../../keys/bulk/bulk.test-support.ts'
import { scheduleDestruction } from '../../keys/destroy.ts'
import { aSource } from '../../keys/import/import.test-support.ts'
import { aKey, anOwner, aRole, aRootKey, rotated, suspended } from '../../keys/keys.test-support.ts'
import { suspendKey } from '../../keys/suspend.ts'
import { createProject } from '../../projects/create.ts'
import { saveProjects } from '../../storage/contract.test-support.ts'
import { ask, HOUR, may, type Installation } from '../../world.test-support.ts'
import { LEAN_OPERATIONS, OPERATIONS } from '../operations.ts'

export interface Sample {
  readonly path: string
  readonly body?: unknown
  /** A gateway presents its own credential in another field. */
  readonly credentialField?: 'x-keystead-caller'
  readonly headers?: Readonly<Record<string, string>>
}

/** Fresh objects, so that an operation that changes them can be called again. */
export async function sampleOf(id: string, world: Installation): Promise<Sample | undefined> {
  const make = SAMPLES[id]
  return make === undefined ? undefined : make(world)
}

/** Those that a root key is the credential for. */
export const ROOT_OPERATIONS = [...OPERATIONS, ...LEAN_OPERATIONS]

let serial = 0

const SAMPLES: Readonly<Record<string, (world: Installation) => Promise<Sample>>> = {
  'projects.create': async () => ({ path: '/v1/projects', body: { name: 'another' } }),
  'projects.list': async () => ({ path: '/v1/projects' }),
  'projects.get': async (world) => ({ path: `/v1/projects/${world.projectId}` }),
  'environments.get': async (world) => ({
    path: `/v1/projects/${world.projectId}/environments/production`,
  }),
  'environments.update': async (world) => ({
    path: `/v1/projects/${world.projectId}/environments/production`,
    body: { rotation: 'warn' },
  }),
  'owners.create': async (world) => ({
    path: '/v1/owners',
    body: { projectId: world.projectId, externalId: `sample-${++serial}` },
  }),
  'owners.list': async () => ({ path: '/v1/owners' }),
  'owners.get': async (world) => ({ path: `/v1/owners/${await owner(world)}` }),
  'owners.update': async (world) => ({ path: `/v1/owners/${await owner(world)}`, body: { name: 'new' } }),
  'roles.create': async (world) => ({
    path: '/v1/roles',
    body: { projectId: world.projectId, name: `sample-${++serial}`, permissions: ['market:read'] },
  }),
  'roles.list': async () => ({ path: '/v1/roles' }),
  'roles.get': async (world) => ({ path: `/v1/roles/${await role(world)}` }),
  'roles.update': async (world) => ({
    path: `/v1/roles/${await role(world)}`,
    body: { permissions: ['market:*'] },
  }),
  'roles.deactivate': async (world) => ({ path: `/v1/roles/${await role(world)}/deactivate`, body: {} }),
  'keys.create': async (world) => ({
    path: '/v1/keys',
    body: {
      projectId: world.projectId,
      environment: 'production',
      ownerId: await owner(world),
      permissions: ['market:read'],
    },
  }),
  'metrics.get': async () => ({ path: '/metrics' }),
  'keys.list': async () => ({ path: '/v1/keys' }),
  'keys.get': async (world) => ({ path: `/v1/keys/${await issued(world)}` }),
  'keys.usage': async (world) => ({ path: `/v1/keys/${await issued(world)}/usage` }),
  'keys.update': async (world) => ({ path: `/v1/keys/${await issued(world)}`, body: { name: 'new' } }),
  'keys.rotate': async (world) => ({ path: `/v1/keys/${await issued(world)}/rotate`, body: {} }),
  'keys.revoke': async (world) => ({ path: `/v1/keys/${await issued(world)}/revoke`, body: {} }),
  'keys.cancel-rotation': async (world) => {
    const id = await issued(world)
    await rotated(world, id, 3_600)
    return { path: `/v1/keys/${id}/cancel-rotation`, body: {} }
  },
  'keys.suspend': async (world) => ({ path: `/v1/keys/${await issued(world)}/suspend`, body: {} }),
  'keys.resume': async (world) => {
    const { id } = await suspended(world, await issued(world))
    return { path: `/v1/keys/${id}/resume`, body: {} }
  },
  'keys.destroy': async (world) => {
    const { id } = await suspended(world, await issued(world))
    return { path: `/v1/keys/${id}/destroy`, body: {} }
  },
  'keys.cancel-destruction': async (world) => {
    const { id } = await suspended(world, await issued(world))
    await scheduleDestruction(world.domain, may('keys:destroy'), id, 60)
    return { path: `/v1/keys/${id}/cancel-destruction`, body: {} }
  },
  'keys.bulk': async (world) => ({
    path: '/v1/keys:bulk',
    body: {
      projectId: world.projectId,
      environment: 'production',
      action: 'revoke',
      query: { keyIds: [await issued(world)] },
      dryRun: true,
    },
  }),
  'keys.import': async (world) => ({
    path: '/v1/keys:import',
    body: {
      sourceId: await source(world),
      items: [
        {
          hash: hashText(`sample ${++serial}`),
          ownerExternalId: (await anOwner(world)).externalId,
          permissions: ['market:read'],
        },
      ],
    },
  }),
  'keys.export': async (world) => ({
    path: '/v1/keys:export',
    body: { projectId: world.projectId, environment: 'production' },
  }),
  'import-sources.create': async (world) => ({
    path: '/v1/import-sources',
    body: {
      ...(await placeWithRoom(world)),
      name: `sample-${++serial}`,
      algorithm: 'sha256',
    },
  }),
  'import-sources.list': async () => ({ path: '/v1/import-sources' }),
  'import-sources.get': async (world) => ({ path: `/v1/import-sources/${await source(world)}` }),
  'bulk-operations.list': async () => ({ path: '/v1/bulk-operations' }),
  'bulk-operations.get': async (world) => ({ path: `/v1/bulk-operations/${await bulkOperation(world)}` }),
  'bulk-operations.undo': async (world) => ({
    path: `/v1/bulk-operations/${await bulkOperation(world)}/undo`,
    body: {},
  }),
  'root-keys.create': async (world) => ({
    path: '/v1/root-keys',
    body: {
      projectId: world.projectId,
      environment: 'production',
      permissions: ['root-keys:create'],
      expiresAt: world.clock.now + HOUR,
    },
  }),
  'root-keys.list': async () => ({ path: '/v1/root-keys' }),
  'root-keys.get': async (world) => ({ path: `/v1/root-keys/${await root(world, 'read')}` }),
  'root-keys.update': async (world) => ({
    path: `/v1/root-keys/${await root(world, 'update')}`,
    body: { name: 'new' },
  }),
  'root-keys.rotate': async (world) => ({
    path: `/v1/root-keys/${await root(world, 'rotate')}/rotate`,
    body: {},
  }),
  'root-keys.suspend': async (world) => ({
    path: `/v1/root-keys/${await root(world, 'suspend')}/suspend`,
    body: {},
  }),
  'root-keys.resume': async (world) => {
    const id = await root(world, 'suspend')
    await suspendKey(world.domain, may('root-keys:suspend'), 'root', id, 'unspecified')
    return { path: `/v1/root-keys/${id}/resume`, body: {} }
  },
  'root-keys.revoke': async (world) => ({
    path: `/v1/root-keys/${await root(world, 'revoke')}/revoke`,
    body: {},
  }),
  'integrity.check': async () => ({ path: '/v1/integrity:check', body: {} }),
  'audit.events.list': async () => ({ path: '/v1/audit/events' }),
  'audit.events.get': async () => ({ path: '/v1/audit/events/0' }),
  'audit.state.export': async () => ({ path: '/v1/audit/state' }),
  'audit.log.key': async () => ({ path: '/v1/audit/log/key' }),
  'audit.log.checkpoint': async () => ({ path: '/v1/audit/log/checkpoint' }),
  'audit.log.batch': async (world) => {
    const { position } = await saveProjects(world.store, 65)
    return { path: `/v1/audit/batches/${position}` }
  },
  'audit.log.tile': async () => ({ path: '/v1/audit/log/tile/0/000.p/1' }),
  'audit.proofs.inclusion': async () => ({ path: '/v1/audit/proofs/inclusion?position=0' }),
  'audit.proofs.consistency': async () => ({ path: '/v1/audit/proofs/consistency?from=1&to=1' }),
  'usage.list': async (world) => ({ path: `/v1/usage?keyId=${await issued(world)}` }),
  'usage.emitters.list': async () => ({ path: '/v1/usage/emitters' }),
  'usage.records.get': async (world) => ({ path: `/v1/usage/records/${(await used(world)).boot}/1` }),
  'usage.proof': async (world) => {
    const { keyId } = await used(world)
    await world.publisher.publish()
    return { path: `/v1/usage/proof?keyId=${keyId}&at=${world.clock.now}` }
  },
  'keys.verify': async (world) => ({
    path: '/v1/keys:verify',
    body: { key: (await aKey(world)).secret.reveal(), permission: 'market:read' },
  }),
  'keys.verify-batch': async (world) => ({
    path: '/v1/keys:verifyBatch',
    body: { items: [{ key: (await aKey(world)).secret.reveal() }] },
  }),
  'keys.authorize': async (world) => ({
    path: '/v1/authorize',
    credentialField: 'x-keystead-caller',
    headers: { 'x-api-key': (await aKey(world)).secret.reveal(), 'x-keystead-permission': 'market:read' },
  }),
}

async function owner(world: Installation): Promise<string> {
  const input = { projectId: world.projectId, externalId: `sample-${++serial}` }
  return (await createOwner(world.domain, may('owners:create'), input)).id
}

async function role(world: Installation): Promise<string> {
  return (await aRole(world)).id
}

async function bulkOperation(world: Installation): Promise<string> {
  return (await bulk(world, { query: { keyIds: [await issued(world)] } })).id
}

/** A key with a recorded use at this moment. */
async function used(world: Installation): Promise<{ readonly boot: string; readonly keyId: string }> {
  const { key, secret } = await aKey(world)
  world.usage.count(ask(world, secret.reveal()), world.clock.now)
  await world.usage.flush()
  const { items } = await world.store.reader.useEmitters({ limit: 1, cursor: null })
  return { boot: items[0]?.id ?? '', keyId: key.id }
}

async function issued(world: Installation): Promise<string> {
  return (await aKey(world)).key.id
}

/** A root key that can do what the operation on it needs, and no more. */
async function root(world: Installation, verb: string): Promise<string> {
  return (await aRootKey(world, { permissions: [`root-keys:${verb}`] })).key.id
}

/** An environment has few: the first one serves everybody. */
async function source(world: Installation): Promise<string> {
  const known = await sourcesOf(world, 'production')
  return known[0] ?? (await aSource(world)).id
}

/** In the first project while there is room; a bound credential can make sources nowhere else. */
async function placeWithRoom(world: Installation): Promise<{ projectId: string; environment: Environment }> {
  for (const environment of ENVIRONMENTS)
    if ((await sourcesOf(world, environment)).length < 8) return { projectId: world.projectId, environment }
  const { id } = await createProject(world.domain, may('projects:create'), { name: 'with room' })
  return { projectId: id, environment: 'production' }
}

async function sourcesOf(world: Installation, environment: Environment): Promise<readonly string[]> {
  const page = { limit: 200, cursor: null }
  const { items } = await world.store.reader.importSources(world.projectId, page)
  return items.filter((each) => each.environment === environment).map(({ id }) => id)
}
