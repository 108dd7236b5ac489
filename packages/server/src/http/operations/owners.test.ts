import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProject } from '../../projects/create.ts'
import { may } from '../../world.test-support.ts'
import { failure, openApi } from '../api.test-support.ts'

const ABSENT = 'own_00000000000000000000000000'

test('owners.create answers 201 in the only project, and 409 for an external id that the project has', async (t) => {
  const api = await openApi(t)
  const body = { externalId: 'acme', name: 'ACME' }
  const answer = await api.call('POST', '/v1/owners', { body })
  assert.equal(answer.status, 201)
  const { id, projectId, externalId, name, version } = answer.json
  assert.match(String(id), /^own_/)
  assert.deepEqual([projectId, externalId, name, version], [api.world.projectId, 'acme', 'ACME', 1])
  assert.deepEqual(failure(await api.call('POST', '/v1/owners', { body })), [409, 'owner.exists'])
})

test('owners.create answers 400 when the project must be named, 404 when it is not there, 201 when it is', async (t) => {
  const api = await openApi(t)
  const other = await createProject(api.world.domain, may('projects:create'), { name: 'other' })
  const create = (body: Record<string, unknown>) => api.call('POST', '/v1/owners', { body })
  assert.deepEqual(failure(await create({ externalId: 'a' })), [400, 'project.required'])
  const absent = await create({ externalId: 'a', projectId: 'prj_00000000000000000000000000' })
  assert.deepEqual(failure(absent), [404, 'project.not_found'])
  // The same external id in two projects is two owners.
  for (const projectId of [other.id, api.world.projectId])
    assert.equal((await create({ externalId: 'a', projectId })).status, 201)
  for (const externalId of ['', 'a b', 'ä', 'x'.repeat(129), 7])
    assert.deepEqual(failure(await create({ externalId, projectId: other.id })), [400, 'request.invalid'])
})

test('two requests at once for the same external id make one owner', async (t) => {
  const api = await openApi(t)
  const create = async () => (await api.call('POST', '/v1/owners', { body: { externalId: 'acme' } })).status
  const statuses = await Promise.all(Array.from({ length: 8 }, create))
  assert.equal(statuses.filter((status) => status === 201).length, 1)
  assert.equal(statuses.filter((status) => status === 409).length, 7)
})

test('owners.list answers 200, narrowed by external id', async (t) => {
  const api = await openApi(t)
  for (const externalId of ['a', 'b']) await api.call('POST', '/v1/owners', { body: { externalId } })
  const answer = await api.call('GET', '/v1/owners?externalId=b')
  const items = answer.json['items'] as unknown as { externalId: string }[]
  assert.deepEqual(
    items.map((item) => item.externalId),
    ['b'],
  )
  assert.equal(answer.json['nextCursor'], null)
})

test('owners.get and owners.update answer 200, and 404 for what there is not', async (t) => {
  const api = await openApi(t)
  const { json: owner } = await api.call('POST', '/v1/owners', { body: { externalId: 'a' } })
  const path = `/v1/owners/${String(owner['id'])}`
  const renamed = await api.call('PATCH', path, { body: { name: 'new' } })
  assert.deepEqual([renamed.status, renamed.json['name'], renamed.json['version']], [200, 'new', 2])
  assert.deepEqual((await api.call('GET', path)).json, renamed.json)
  const large = { metadata: Object.fromEntries(['a', 'b', 'c'].map((name) => [name, 'x'.repeat(1_000)])) }
  assert.deepEqual(failure(await api.call('PATCH', path, { body: large })), [400, 'owner.metadata_too_large'])
  for (const metadata of [{ 'a b': 'x' }, { a: 1 }, ['x']])
    assert.deepEqual(failure(await api.call('PATCH', path, { body: { metadata } })), [400, 'request.invalid'])
  assert.deepEqual(failure(await api.call('GET', `/v1/owners/${ABSENT}`)), [404, 'owner.not_found'])
  const absent = await api.call('PATCH', `/v1/owners/${ABSENT}`, { body: { name: 'x' } })
  assert.deepEqual(failure(absent), [404, 'owner.not_found'])
})

test('what a verification says of the owner is what the owner is now', async (t) => {
  const api = await openApi(t)
  const metadata = { tier: 'gold', note: '"quoted" 💠' }
  const owner = await api.call('POST', '/v1/owners', { body: { externalId: 'customer-1', metadata } })
  const body = { environment: 'production', ownerId: owner.json['id'] ?? '', permissions: ['a:b'] }
  const key = await api.call('POST', '/v1/keys', { body })
  const credential = await api.rootKey(['keys:verify'])
  const ask = async () =>
    (await api.call('POST', '/v1/keys:verify', { credential, body: { key: key.json['secret'] ?? '' } })).json
  assert.deepEqual((await ask())['owner'], { externalId: 'customer-1', metadata })
  await api.call('PATCH', `/v1/owners/${String(owner.json['id'])}`, { body: { metadata: { tier: 'none' } } })
  assert.deepEqual((await ask())['owner'], { externalId: 'customer-1', metadata: { tier: 'none' } })
})
