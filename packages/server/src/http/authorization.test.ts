// The authorization table: every operation against every kind of caller that it must refuse.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACTIONS } from '../access/actions.ts'
import { aKey, aRootKey } from '../keys/keys.test-support.ts'
import { revokeKey } from '../keys/revoke.ts'
import { createProject } from '../projects/create.ts'
import { may, SECOND } from '../world.test-support.ts'
import { type Answer, type Api, openApi } from './api.test-support.ts'
import type { Described } from './operation.ts'
import { SELF_OPERATIONS } from './operations.ts'
import { ROOT_OPERATIONS, sampleOf } from './operations/samples.test-support.ts'

type Expected = readonly [status: number, code: string | null]

const UNAUTHENTICATED: Expected = [401, 'access.unauthenticated']

/**
 * What a caller bound to another project or environment is answered where it is not 404, and why that is safe. This
 * list may only shrink.
 */
const ELSEWHERE: Readonly<Record<string, { project: Expected; environment: Expected; why: string }>> = {
  'projects.create': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'names no object',
  },
  'projects.list': { project: [200, null], environment: [200, null], why: 'lists only its own project' },
  'projects.get': {
    project: [404, 'project.not_found'],
    environment: [200, null],
    why: 'has no environment',
  },
  'environments.get': {
    project: [404, 'environment.not_found'],
    environment: [404, 'environment.not_found'],
    why: 'is another object',
  },
  'environments.update': {
    project: [404, 'environment.not_found'],
    environment: [404, 'environment.not_found'],
    why: 'is another object',
  },
  'owners.create': {
    project: [404, 'project.not_found'],
    environment: [201, null],
    why: 'has no environment',
  },
  'owners.list': { project: [200, null], environment: [200, null], why: 'lists only owners of its project' },
  'owners.get': { project: [404, 'owner.not_found'], environment: [200, null], why: 'has no environment' },
  'owners.update': { project: [404, 'owner.not_found'], environment: [200, null], why: 'has no environment' },
  'roles.create': {
    project: [404, 'project.not_found'],
    environment: [201, null],
    why: 'has no environment',
  },
  'roles.list': { project: [200, null], environment: [200, null], why: 'lists only roles of its project' },
  'roles.get': { project: [404, 'role.not_found'], environment: [200, null], why: 'has no environment' },
  'roles.update': {
    project: [404, 'role.not_found'],
    environment: [403, 'access.denied'],
    why: 'is about every environment',
  },
  'roles.deactivate': {
    project: [404, 'role.not_found'],
    environment: [403, 'access.denied'],
    why: 'is about every environment',
  },
  'keys.create': {
    project: [404, 'project.not_found'],
    environment: [403, 'access.denied'],
    why: 'the environment is the caller’s own word, not an object',
  },
  'keys.list': { project: [200, null], environment: [200, null], why: 'lists only keys within reach' },
  'keys.bulk': {
    project: [404, 'project.not_found'],
    environment: [403, 'access.denied'],
    why: 'names no object; what it selects lies within reach',
  },
  'keys.import': {
    project: [404, 'import_source.not_found'],
    environment: [404, 'import_source.not_found'],
    why: 'its source does not exist there',
  },
  'keys.export': {
    project: [404, 'project.not_found'],
    environment: [403, 'access.denied'],
    why: 'the environment is the caller’s own word, not an object',
  },
  'import-sources.create': {
    project: [404, 'project.not_found'],
    environment: [403, 'access.denied'],
    why: 'the environment is the caller’s own word, not an object',
  },
  'import-sources.list': {
    project: [200, null],
    environment: [200, null],
    why: 'lists only sources within reach',
  },
  'import-sources.get': {
    project: [404, 'import_source.not_found'],
    environment: [404, 'import_source.not_found'],
    why: 'its own 404',
  },
  'bulk-operations.list': {
    project: [200, null],
    environment: [200, null],
    why: 'lists only operations within reach',
  },
  'bulk-operations.get': {
    project: [404, 'bulk_operation.not_found'],
    environment: [404, 'bulk_operation.not_found'],
    why: 'its own 404',
  },
  'bulk-operations.undo': {
    project: [404, 'bulk_operation.not_found'],
    environment: [404, 'bulk_operation.not_found'],
    why: 'its own 404',
  },
  'root-keys.create': {
    project: [404, 'project.not_found'],
    environment: [403, 'access.escalation'],
    why: 'the environment is the caller’s own word, not an object',
  },
  'root-keys.list': { project: [200, null], environment: [200, null], why: 'lists only keys within reach' },
  'metrics.get': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'is about the whole server',
  },
  'integrity.check': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'is about everything',
  },
  'audit.events.list': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'one log for all projects',
  },
  'audit.events.get': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'one log for all projects',
  },
  'audit.state.export': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'the objects of all projects',
  },
  'audit.log.key': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'one log for all projects',
  },
  'audit.log.checkpoint': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'one log for all projects',
  },
  'audit.log.tile': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'one log for all projects',
  },
  'audit.log.batch': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'one log for all projects',
  },
  'audit.proofs.inclusion': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'one log for all projects',
  },
  'audit.proofs.consistency': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'one log for all projects',
  },
  'usage.emitters.list': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'one log for all projects',
  },
  'usage.records.get': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'one log for all projects',
  },
  'usage.proof': {
    project: [403, 'access.denied'],
    environment: [403, 'access.denied'],
    why: 'one log for all projects',
  },
  'keys.verify': {
    project: [200, 'NOT_FOUND'],
    environment: [200, 'NOT_FOUND'],
    why: 'answers NOT_FOUND in its own way',
  },
  'keys.verify-batch': {
    project: [200, null],
    environment: [200, null],
    why: 'answers NOT_FOUND in its own way',
  },
  'keys.authorize': {
    project: [401, 'NOT_FOUND'],
    environment: [401, 'NOT_FOUND'],
    why: 'answers NOT_FOUND in its own way',
  },
}
/** These want a credential that is bound to no environment. */
const EVERY_ENVIRONMENT = new Set(['roles.update', 'roles.deactivate'])
const ELSEWHERE_MAX = 48

async function callAs(api: Api, operation: Described, credential: string | null): Promise<Answer> {
  const sample = await sampleOf(operation.id, api.world)
  assert.ok(sample, `${operation.id} has no sample: it is not covered`)
  const field = sample.credentialField
  const headers = {
    ...sample.headers,
    ...(field === undefined || credential === null ? {} : { [field]: credential }),
  }
  return api.call(operation.method, sample.path, {
    credential: field === undefined ? credential : null,
    headers,
    ...(sample.body === undefined ? {} : { body: sample.body }),
  })
}

async function expectAnswer(
  api: Api,
  operation: Described,
  credential: string | null,
  [status, code]: Expected,
  what: string,
): Promise<void> {
  const before = api.world.store.head().size
  const answer = await callAs(api, operation, credential)
  const given = answer.headers['x-keystead-code'] ?? (answer.json?.['code'] as unknown) ?? null
  assert.deepEqual(
    [answer.status, status < 400 && code === null ? null : given],
    [status, code],
    `${operation.id}: ${what}`,
  )
  if (status < 400) return
  // The sample makes its own objects first; the refused operation itself must leave nothing.
  for (const leaf of await api.world.store.reader.auditEntries(before, 100))
    assert.ok(!Buffer.from(leaf.bytes).includes(`"operation":"${operation.id}"`), `${operation.id}: ${what}`)
}

test('every operation is covered, and nothing is excused that does not exist', async (t) => {
  const { world } = await openApi(t)
  const ids = ROOT_OPERATIONS.map((operation) => operation.id)
  assert.equal(new Set(ids).size, ids.length)
  for (const id of ids) assert.ok(await sampleOf(id, world), id)
  for (const id of Object.keys(ELSEWHERE)) assert.ok(ids.includes(id), id)
  assert.ok(Object.keys(ELSEWHERE).length <= ELSEWHERE_MAX)
})

test('every action is asked for by an operation', () => {
  const asked = new Set(ROOT_OPERATIONS.map((operation) => operation.permission))
  assert.deepEqual([...asked].toSorted(), [...ACTIONS].toSorted())
})

for (const operation of ROOT_OPERATIONS) {
  test(`${operation.id}: whoever proves no root key is unauthenticated`, async (t) => {
    const api = await openApi(t)
    const { world } = api
    const revoked = await aRootKey(world, { permissions: ['*'] })
    await revokeKey(world.domain, may('root-keys:revoke'), 'root', revoked.key.id, 'unspecified')
    const expiring = await api.rootKey(['*'], { expiresAt: world.clock.now + SECOND })
    world.clock.advance(SECOND)
    const credentials: Readonly<Record<string, string | null>> = {
      'no credential': null,
      'an empty credential': '',
      garbage: 'ks_root_live_nothing',
      'an API key': (await aKey(world, { permissions: ['*'] })).secret.reveal(),
      'an expired root key': expiring,
      'a revoked root key': revoked.secret.reveal(),
      'a root key with another secret': `${expiring.slice(0, 40)}0000`,
    }
    for (const [what, credential] of Object.entries(credentials))
      await expectAnswer(api, operation, credential, UNAUTHENTICATED, what)
  })

  test(`${operation.id}: every permission but ${operation.permission} is not enough, and that one alone is`, async (t) => {
    const api = await openApi(t)
    const others = ACTIONS.filter((action) => action !== operation.permission)
    const denied: Expected = [403, 'access.denied']
    await expectAnswer(api, operation, await api.rootKey(others), denied, 'all others')
    const withDeny = await api.rootKey(['*', `!${operation.permission}`])
    await expectAnswer(api, operation, withDeny, denied, 'all, but this one denied')
    const bounds = operation.installationWide === true ? { projectId: null, environment: null } : {}
    const alone = await api.rootKey([operation.permission], {
      ...bounds,
      ...(EVERY_ENVIRONMENT.has(operation.id) ? { environment: null } : {}),
    })
    const answer = await callAs(api, operation, alone)
    assert.equal(answer.status, operation.status, answer.text)
  })

  test(`${operation.id}: objects of another project or environment do not exist`, async (t) => {
    const api = await openApi(t)
    const { world } = api
    const other = await createProject(world.domain, may('projects:create'), { name: 'other' })
    const expected = ELSEWHERE[operation.id]
    const absent: Expected = [404, 'key.not_found']
    const away = await api.rootKey(['*'], { projectId: other.id })
    await expectAnswer(api, operation, away, expected?.project ?? absent, 'another project')
    const aside = await api.rootKey(['*'], { environment: 'staging' })
    await expectAnswer(api, operation, aside, expected?.environment ?? absent, 'another environment')
  })
}

for (const operation of SELF_OPERATIONS) {
  test(`${operation.id}: whoever proves no API key is unauthenticated, a root key included`, async (t) => {
    const api = await openApi(t)
    const { secret } = await aKey(api.world)
    const text = secret.reveal()
    const body = operation.method === 'GET' ? {} : { body: {} }
    const { size } = api.world.store.head()
    for (const credential of [
      null,
      '',
      'garbage',
      api.world.bootstrap,
      `${text.slice(0, 40)}${'0'.repeat(25)}`,
    ]) {
      const answer = await api.call(operation.method, operation.path, { credential, ...body })
      assert.deepEqual([answer.status, answer.json['code']], UNAUTHENTICATED)
    }
    assert.equal(api.world.store.head().size, size)
  })
}

test('a list shows a bound caller nothing of another project', async (t) => {
  const api = await openApi(t)
  const { world } = api
  const { key } = await aKey(world)
  await aRootKey(world)
  const other = await createProject(world.domain, may('projects:create'), { name: 'other' })
  const away = await api.rootKey(['*'], { projectId: other.id })
  for (const noun of ['owners', 'keys']) {
    assert.deepEqual((await api.call('GET', `/v1/${noun}`, { credential: away })).json['items'], [])
    const named = await api.call('GET', `/v1/${noun}?projectId=${world.projectId}`, { credential: away })
    assert.deepEqual(named.json['items'], [])
  }
  const roots = await api.call('GET', '/v1/root-keys', { credential: away })
  assert.ok(!roots.text.includes(world.projectId))
  const projects = await api.call('GET', '/v1/projects', { credential: away })
  assert.ok(!projects.text.includes(world.projectId))
  assert.ok((await api.call('GET', '/v1/keys')).text.includes(key.id))
})
