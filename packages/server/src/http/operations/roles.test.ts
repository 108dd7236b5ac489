import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failure, openApi } from '../api.test-support.ts'

const ABSENT = `rol_${'0'.repeat(26)}`

test('roles.create answers 201 with the role, 409 for a name that was taken, 400 for what is no permission', async (t) => {
  const api = await openApi(t)
  const body = { name: 'trader', permissions: ['orders.*:trade'], description: 'may trade' }
  const { status, json } = await api.call('POST', '/v1/roles', { body })
  assert.equal(status, 201)
  assert.deepEqual(
    [json['name'], json['permissions'], json['state'], json['version']],
    ['trader', ['orders.*:trade'], 'active', 1],
  )
  assert.deepEqual(failure(await api.call('POST', '/v1/roles', { body })), [409, 'role.exists'])
  const wrong = { name: 'Trader', permissions: ['orders'] }
  const refused = await api.call('POST', '/v1/roles', { body: wrong })
  assert.deepEqual(failure(refused), [400, 'request.invalid'])
})

test('roles.get, update and deactivate answer 200, 404 for what there is not, 409 for what has ended', async (t) => {
  const api = await openApi(t)
  const created = await api.call('POST', '/v1/roles', { body: { name: 'a', permissions: ['a:b'] } })
  const path = `/v1/roles/${String(created.json['id'])}`
  const updated = await api.call('PATCH', path, { body: { permissions: ['a:c', '!a:d'] } })
  assert.deepEqual([updated.status, updated.json['permissions']], [200, ['a:c', '!a:d']])
  assert.deepEqual((await api.call('GET', path)).json, updated.json)
  const ended = await api.call('POST', `${path}/deactivate`, { body: {} })
  assert.deepEqual([ended.status, ended.json['state']], [200, 'deactivated'])
  assert.deepEqual(failure(await api.call('PATCH', path, { body: {} })), [409, 'role.deactivated'])
  const again = await api.call('POST', `${path}/deactivate`, { body: {} })
  assert.deepEqual(failure(again), [409, 'role.deactivated'])
  for (const [method, at] of [
    ['GET', ''],
    ['PATCH', ''],
    ['POST', '/deactivate'],
  ] as const) {
    const body = method === 'GET' ? {} : { body: {} }
    const absent = await api.call(method, `/v1/roles/${ABSENT}${at}`, body)
    assert.deepEqual(failure(absent), [404, 'role.not_found'])
  }
})

test('roles.list answers 200 in pages, and keys are listed by role', async (t) => {
  const api = await openApi(t)
  const ids: string[] = []
  for (const name of ['a', 'b', 'c']) {
    const created = await api.call('POST', '/v1/roles', { body: { name, permissions: ['a:b'] } })
    ids.push(String(created.json['id']))
  }
  const first = await api.call('GET', '/v1/roles?limit=2')
  const rest = await api.call('GET', `/v1/roles?limit=2&cursor=${String(first.json['nextCursor'])}`)
  const listed = [first, rest].flatMap(({ json }) => json['items'] as unknown as { id: string }[])
  assert.deepEqual(listed.map(({ id }) => id).toSorted(), ids.toSorted())
  const owner = await api.call('POST', '/v1/owners', { body: { externalId: 'x' } })
  const body = { environment: 'production', ownerId: owner.json['id'] ?? '', roles: [ids[1] ?? ''] }
  const key = await api.call('POST', '/v1/keys', { body })
  assert.equal(key.status, 201, key.text)
  const having = await api.call('GET', `/v1/keys?roleId=${ids[1] ?? ''}`)
  assert.deepEqual((having.json['items'] as unknown as { id: string }[]).length, 1)
  const none = await api.call('GET', `/v1/keys?roleId=${ids[0] ?? ''}`)
  assert.deepEqual(none.json['items'], [])
})
