import assert from 'node:assert/strict'
import { test } from 'node:test'
import { START } from '../../world.test-support.ts'
import { failure, openApi } from '../api.test-support.ts'

test('projects.create answers 201 with the project and its three environments, and records one event', async (t) => {
  const api = await openApi(t)
  const { size } = api.world.store.head()
  const answer = await api.call('POST', '/v1/projects', { body: { name: 'desk' } })
  assert.equal(answer.status, 201)
  assert.deepEqual(Object.keys(answer.json).toSorted(), [
    'createdAt',
    'environments',
    'id',
    'name',
    'version',
  ])
  assert.equal(answer.json['createdAt'], START)
  const environments = answer.json['environments'] as unknown as { id: string; environment: string }[]
  assert.deepEqual(environments.map((each) => each.environment).toSorted(), [
    'development',
    'production',
    'staging',
  ])
  for (const each of environments) assert.deepEqual(Object.keys(each), ['id', 'environment'])
  const event = await api.call('GET', `/v1/audit/events/${size}`)
  assert.equal(event.json['event']?.['action'], 'project.created')
  assert.equal(event.json['event']?.['request']?.['operation'], 'projects.create')
  assert.equal(api.world.store.head().size, size + 1)
})

test('projects.create answers 400 without a name and 403 to a credential that is bound to a project', async (t) => {
  const api = await openApi(t)
  assert.deepEqual(failure(await api.call('POST', '/v1/projects', { body: {} })), [400, 'request.invalid'])
  const credential = await api.rootKey(['projects:create'])
  const bound = await api.call('POST', '/v1/projects', { body: { name: 'x' }, credential })
  assert.deepEqual(failure(bound), [403, 'access.denied'])
})

test('projects.list answers 200 in pages that join to the whole', async (t) => {
  const api = await openApi(t)
  for (const name of ['b', 'c', 'd']) await api.call('POST', '/v1/projects', { body: { name } })
  const ids: unknown[] = []
  let path = '/v1/projects?limit=3'
  for (let page = 0; page < 2; page++) {
    const answer = await api.call('GET', path)
    assert.equal(answer.status, 200)
    for (const item of answer.json['items'] as unknown as { id: string }[]) ids.push(item.id)
    path = `/v1/projects?limit=3&cursor=${String(answer.json['nextCursor'])}`
    assert.equal(answer.json['nextCursor'] === null, page === 1)
  }
  assert.equal(new Set(ids).size, 4)
})

test('projects.get answers 200, and 404 for what there is not', async (t) => {
  const api = await openApi(t)
  const found = await api.call('GET', `/v1/projects/${api.world.projectId}`)
  assert.deepEqual([found.status, found.json['id']], [200, api.world.projectId])
  const absent = await api.call('GET', '/v1/projects/prj_00000000000000000000000000')
  assert.deepEqual(failure(absent), [404, 'project.not_found'])
})
