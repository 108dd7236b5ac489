// keys.* and root-keys.*: the two classes answer alike, so each guarantee is tested on both.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseApiKey } from '@keystead/protocol/api-key'
import { anOwner } from '../../keys/keys.test-support.ts'
import { DAY, HOUR, START } from '../../world.test-support.ts'
import { type Answer, type Api, failure, openApi } from '../api.test-support.ts'

const KEY_FIELDS = [
  'allowedAddresses',
  'createdAt',
  'destroyAt',
  'environment',
  'expiresAt',
  'id',
  'imported',
  'kind',
  'lastUsedAt',
  'locator',
  'name',
  'notBefore',
  'ownerId',
  'permissions',
  'projectId',
  'revocationReason',
  'revokedAt',
  'roles',
  'state',
  'uses',
  'version',
  'versions',
]

interface Noun {
  readonly path: '/v1/keys' | '/v1/root-keys'
  readonly kind: 'key' | 'root'
  readonly create: (api: Api, body?: Record<string, unknown>) => Promise<Answer>
}

const createIssued = async (api: Api, body?: Record<string, unknown>): Promise<Answer> => {
  const ownerId = (await anOwner(api.world)).id
  const given = { environment: 'production', ownerId, permissions: ['market:read'], ...body }
  return api.call('POST', '/v1/keys', { body: given })
}

const createRoot = async (api: Api, body?: Record<string, unknown>): Promise<Answer> => {
  const given = { environment: 'production', permissions: ['keys:read'], expiresAt: START + DAY, ...body }
  return api.call('POST', '/v1/root-keys', { body: given })
}

const NOUNS: readonly Noun[] = [
  { path: '/v1/keys', kind: 'key', create: createIssued },
  { path: '/v1/root-keys', kind: 'root', create: createRoot },
]

const ABSENT = 'key_00000000000000000000000000'

for (const { path, kind, create } of NOUNS) {
  const made = async (api: Api, body?: Record<string, unknown>): Promise<string> =>
    `${path}/${String((await create(api, body)).json['key']?.['id'])}`

  test(`POST ${path} answers 201 with the key and its secret, which no later answer shows`, async (t) => {
    const api = await openApi(t)
    const answer = await create(api, { name: 'reader', expiresAt: START + HOUR })
    assert.equal(answer.status, 201)
    assert.deepEqual(Object.keys(answer.json).toSorted(), ['key', 'secret', 'secretAvailable'])
    const key = answer.json['key']
    assert.ok(key)
    assert.deepEqual(Object.keys(key).toSorted(), KEY_FIELDS)
    const secret = String(answer.json['secret'])
    const parts = parseApiKey(secret)
    assert.deepEqual([parts?.kind, parts?.locator, parts?.environment], [kind, key['locator'], 'production'])
    assert.deepEqual(key['versions'], [{ number: 1, createdAt: START, acceptedUntil: null }])
    for (const later of [path, `${path}/${String(key['id'])}`, '/v1/audit/events?limit=200']) {
      const { status, text } = await api.call('GET', later)
      assert.equal(status, 200)
      assert.ok(!text.includes(parts?.secret ?? secret), later)
    }
  })

  test(`POST ${path} answers 400 for wrong times and 404 for a project that is not there`, async (t) => {
    const api = await openApi(t)
    assert.deepEqual(failure(await create(api, { expiresAt: START })), [400, 'key.invalid_times'])
    const absent = await create(api, { projectId: 'prj_00000000000000000000000000' })
    assert.deepEqual(failure(absent), [404, 'project.not_found'])
    await api.call('POST', '/v1/projects', { body: { name: 'other' } })
    assert.deepEqual(failure(await create(api)), [400, 'project.required'])
  })

  test(`GET ${path} answers 200 in pages, filtered by the state at this time`, async (t) => {
    const api = await openApi(t)
    await made(api, { expiresAt: START + HOUR })
    const other = await made(api)
    api.world.clock.advance(HOUR)
    const expired = await api.call('GET', `${path}?state=expired`)
    assert.equal(expired.json['items']?.[0]?.['state'], 'expired')
    await api.call('POST', `${other}/revoke`)
    const revoked = await api.call('GET', `${path}?state=deactivated`)
    assert.equal(`${path}/${String(revoked.json['items']?.[0]?.['id'])}`, other)
    const first = await api.call('GET', `${path}?limit=1`)
    assert.notEqual(first.json['nextCursor'], null)
  })

  test(`GET ${path}/{id} answers 200, and 404 for what there is not and for the other class of keys`, async (t) => {
    const api = await openApi(t)
    const one = await made(api)
    const answer = await api.call('GET', one)
    assert.deepEqual([answer.status, Object.keys(answer.json).toSorted()], [200, KEY_FIELDS])
    const otherPath = path === '/v1/keys' ? '/v1/root-keys' : '/v1/keys'
    assert.deepEqual(failure(await api.call('GET', one.replace(path, otherPath))), [404, 'key.not_found'])
    assert.deepEqual(failure(await api.call('GET', `${path}/${ABSENT}`)), [404, 'key.not_found'])
  })

  test(`PATCH ${path}/{id} answers 200, 400, 404, 409`, async (t) => {
    const api = await openApi(t)
    const one = await made(api, { expiresAt: START + HOUR })
    const patch = (at: string, body: unknown) => api.call('PATCH', at, { body })
    const changed = await patch(one, { name: 'new', permissions: ['keys:read'] })
    assert.deepEqual([changed.status, changed.json['name'], changed.json['version']], [200, 'new', 2])
    assert.deepEqual(failure(await patch(one, { state: 'active' })), [400, 'request.invalid'])
    assert.deepEqual(failure(await patch(one, { expiresAt: START })), [400, 'key.invalid_times'])
    assert.deepEqual(failure(await patch(`${path}/${ABSENT}`, { name: 'x' })), [404, 'key.not_found'])
    const gone = await made(api)
    await api.call('POST', `${gone}/revoke`)
    assert.deepEqual(failure(await patch(gone, { name: 'x' })), [409, 'key.illegal_transition'])
    api.world.clock.advance(HOUR)
    assert.deepEqual(failure(await patch(one, { name: 'x' })), [409, 'key.expired'])
  })

  test(`POST ${path}/{id}/rotate answers 200 with a new secret, 400, 404, 409`, async (t) => {
    const api = await openApi(t)
    const created = await create(api, { expiresAt: START + 2 * DAY })
    const one = `${path}/${String(created.json['key']?.['id'])}`
    const rotate = (at: string, body: unknown) => api.call('POST', `${at}/rotate`, { body })
    const answer = await rotate(one, { overlapSeconds: 60, reason: 'scheduled' })
    assert.equal(answer.status, 200)
    assert.deepEqual(Object.keys(answer.json).toSorted(), [
      'key',
      'previousAcceptedUntil',
      'secret',
      'secretAvailable',
    ])
    assert.notEqual(answer.json['secret'], created.json['secret'])
    assert.equal(answer.json['previousAcceptedUntil'], START + 60_000)
    for (const body of [
      { overlapSeconds: -1 },
      { overlapSeconds: 2_592_001 },
      { reason: 'because' },
      { overlapSeconds: 1.5 },
    ])
      assert.deepEqual(failure(await rotate(one, body)), [400, 'request.invalid'])
    const standard = await api.call('POST', `${one}/rotate`)
    assert.equal(standard.json['previousAcceptedUntil'], START + DAY)
    await rotate(one, {})
    assert.deepEqual(failure(await rotate(one, {})), [409, 'key.too_many_versions'])
    assert.deepEqual(failure(await rotate(`${path}/${ABSENT}`, {})), [404, 'key.not_found'])
    await api.call('POST', `${one}/revoke`)
    assert.deepEqual(failure(await rotate(one, {})), [409, 'key.illegal_transition'])
    const short = await made(api, { expiresAt: START + HOUR })
    api.world.clock.advance(HOUR)
    assert.deepEqual(failure(await rotate(short, {})), [409, 'key.expired'])
  })

  test(`POST ${path}/{id}/revoke answers 200 with the position in the log, 400, 404, 409`, async (t) => {
    const api = await openApi(t)
    const one = await made(api)
    const revoke = (at: string, body: unknown) => api.call('POST', `${at}/revoke`, { body })
    assert.deepEqual(failure(await revoke(one, { reason: 'because' })), [400, 'request.invalid'])
    const { size } = api.world.store.head()
    const answer = await revoke(one, { reason: 'keyCompromise' })
    assert.deepEqual(
      [answer.status, answer.json['position'], answer.json['key']?.['state']],
      [200, size, 'compromised'],
    )
    const again = await revoke(one, {})
    assert.deepEqual(failure(again), [409, 'key.illegal_transition'])
    assert.match(String(again.json['detail']), /compromised.*deactivated/)
    assert.deepEqual(failure(await revoke(`${path}/${ABSENT}`, {})), [404, 'key.not_found'])
  })
}

test('an owner that is not there gets no key, and a stronger root key is not given: 404, 403', async (t) => {
  const api = await openApi(t)
  const body = { environment: 'production', ownerId: 'own_00000000000000000000000000', permissions: ['a:b'] }
  assert.deepEqual(failure(await api.call('POST', '/v1/keys', { body })), [404, 'owner.not_found'])
  const credential = await api.rootKey(['root-keys:*'])
  const wish = { permissions: ['*'], expiresAt: START + HOUR }
  const answer = await api.call('POST', '/v1/root-keys', { credential, body: wish })
  assert.deepEqual(failure(answer), [403, 'access.escalation'])
})

test('a revoked or rotated-out root key is refused with its next request', async (t) => {
  const api = await openApi(t)
  const { json } = await createRoot(api)
  const credential = String(json['secret'])
  const at = `/v1/root-keys/${String(json['key']?.['id'])}`
  assert.equal((await api.call('GET', '/v1/keys', { credential })).status, 200)
  const next = await api.call('POST', `${at}/rotate`, { body: { overlapSeconds: 0 } })
  assert.deepEqual(failure(await api.call('GET', '/v1/keys', { credential })), [
    401,
    'access.unauthenticated',
  ])
  const fresh = String(next.json['secret'])
  assert.equal((await api.call('GET', '/v1/keys', { credential: fresh })).status, 200)
  await api.call('POST', `${at}/revoke`)
  assert.equal((await api.call('GET', '/v1/keys', { credential: fresh })).status, 401)
})

test('a row that was changed by SQL is refused with 503 and an alarm in the log, and nothing of it is shown', async (t) => {
  const api = await openApi(t)
  const { json } = await createIssued(api)
  const id = String(json['key']?.['id'])
  api.world.database.writer.exec(`UPDATE api_key SET permissions = '["stolen:all"]' WHERE id = '${id}'`)
  for (const [method, path] of [
    ['GET', `/v1/keys/${id}`],
    ['GET', '/v1/keys'],
    ['POST', `/v1/keys/${id}/rotate`],
  ] as const) {
    const answer = await api.call(method, path)
    assert.deepEqual(failure(answer), [503, 'storage.integrity'])
    assert.ok(!answer.text.includes('stolen'))
    assert.equal(answer.headers['retry-after'], '1')
  }
  assert.ok(api.world.logLines.some((line) => line.includes('storage.integrity_alarm')))
})

test('a halted log answers changes with 503 and readiness with why, and reads go on', async (t) => {
  const api = await openApi(t)
  api.world.store.halt('somebody touched it')
  const answer = await api.call('POST', '/v1/projects', { body: { name: 'x' } })
  assert.deepEqual(failure(answer), [503, 'audit.halted'])
  assert.equal((await api.call('GET', '/v1/projects')).status, 200)
})
