// T-28: what the holder of an API key can do with it alone, and nobody else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aKey, rotated, suspended } from '../../keys/keys.test-support.ts'
import { countUses, SECOND } from '../../world.test-support.ts'
import { type Api, failure, openApi } from '../api.test-support.ts'

const revoke = async (api: Api, credential: string) =>
  api.call('POST', '/v1/self/revoke', { credential, body: {} })
const rotate = async (api: Api, credential: string) =>
  api.call('POST', '/v1/self/rotate', { credential, body: {} })
const whoami = async (api: Api, credential: string, headers: Record<string, string> = {}) =>
  api.call('GET', '/v1/self', { credential, headers })
const allowSelfRotation = async (api: Api) =>
  api.call('PATCH', `/v1/projects/${api.world.projectId}/environments/production`, {
    body: { selfRotation: true, overlapSeconds: 60 },
  })

test('whoami answers 200 to whoever holds a key, with what it is, also when it is not accepted any more', async (t) => {
  const api = await openApi(t)
  const { world } = api
  const { key, secret } = await aKey(world)
  const first = await whoami(api, secret.reveal())
  assert.deepEqual(
    [first.status, first.json['keyId'], first.json['code'], first.json['version'], first.json['successor']],
    [200, key.id, 'VALID', 1, null],
  )
  assert.deepEqual(first.json['permissions'], ['market:read'])
  await rotated(world, key.id, 60)
  const second = await whoami(api, secret.reveal())
  assert.deepEqual(
    [second.json['successor'], second.json['acceptedUntil']],
    [2, world.clock.now + 60 * SECOND],
  )
  await suspended(world, key.id)
  assert.equal((await whoami(api, secret.reveal())).json['code'], 'SUSPENDED')
})

test('whoever holds a key can revoke it, in any state, from anywhere, and the log names the key as the actor', async (t) => {
  const api = await openApi(t)
  const { world } = api
  const { key, secret } = await aKey(world, { allowedAddresses: ['203.0.113.1'] })
  const next = await rotated(world, key.id, 60)
  await suspended(world, key.id)
  const answer = await revoke(api, secret.reveal())
  assert.equal(answer.status, 200)
  const event = await api.call('GET', `/v1/audit/events/${String(answer.json['position'])}`)
  assert.deepEqual(event.json['event']?.['actor'], { type: 'api_key', id: key.id })
  assert.equal(event.json['event']?.['reason'], 'keyCompromise')
  assert.equal((await whoami(api, next.secret.reveal())).json['code'], 'REVOKED')
  assert.deepEqual(failure(await revoke(api, secret.reveal())), [409, 'key.illegal_transition'])
})

test('a holder rotates only where the environment allows it, and only with the current version', async (t) => {
  const api = await openApi(t)
  const { world } = api
  const { key, secret } = await aKey(world)
  assert.deepEqual(failure(await rotate(api, secret.reveal())), [403, 'key.self_rotation_denied'])
  assert.equal((await allowSelfRotation(api)).status, 200)
  const answer = await rotate(api, secret.reveal())
  assert.deepEqual([answer.status, answer.json['version']], [200, 2])
  assert.equal(answer.json['previousAcceptedUntil'], world.clock.now + 60 * SECOND)
  const next = String(answer.json['secret'])
  assert.equal((await whoami(api, next)).json['keyId'], key.id)
  assert.deepEqual(failure(await rotate(api, secret.reveal())), [403, 'key.self_rotation_denied'])
  await suspended(world, key.id)
  assert.deepEqual(failure(await rotate(api, next)), [403, 'key.self_rotation_denied'])
})

test('a key that is bound to addresses is rotated by its holder from there only', async (t) => {
  const api = await openApi(t)
  const { secret } = await aKey(api.world, { allowedAddresses: ['203.0.113.1'] })
  await allowSelfRotation(api)
  assert.deepEqual(failure(await rotate(api, secret.reveal())), [403, 'key.self_rotation_denied'])
  const answer = await api.call('POST', '/v1/self/rotate', {
    credential: secret.reveal(),
    body: {},
    headers: { 'x-forwarded-for': '203.0.113.1' },
  })
  assert.equal(answer.status, 200)
})

test('environments answer 200 with their policy, 400 for what is none, 404 for what there is not', async (t) => {
  const api = await openApi(t)
  const path = `/v1/projects/${api.world.projectId}/environments/staging`
  const before = await api.call('GET', path)
  assert.deepEqual(before.json['policy']?.['maximumAgeSeconds'], 90 * 86_400)
  const after = await api.call('PATCH', path, { body: { idleExpirySeconds: 86_400, rotation: 'automatic' } })
  assert.deepEqual(
    [after.status, after.json['policy']?.['idleExpirySeconds'], after.json['policy']?.['rotation']],
    [200, 86_400, 'automatic'],
  )
  assert.deepEqual((await api.call('GET', path)).json, after.json)
  for (const body of [{ idleExpirySeconds: 1 }, { rotation: 'never' }, { other: 1 }])
    assert.deepEqual(failure(await api.call('PATCH', path, { body })), [400, 'request.invalid'])
  const absent = await api.call('GET', `/v1/projects/prj_${'0'.repeat(26)}/environments/staging`)
  assert.deepEqual(failure(absent), [404, 'environment.not_found'])
})

test('a batch answers each question as it would be answered alone, in order, and counts each', async (t) => {
  const api = await openApi(t)
  const { world } = api
  const [one, other] = [await aKey(world), await aKey(world, { allowedAddresses: ['203.0.113.1'] })]
  await suspended(world, one.key.id)
  const credential = await api.rootKey(['keys:verify'])
  const items = [
    { key: one.secret.reveal() },
    { key: other.secret.reveal(), address: '203.0.113.1', permission: 'market:read AND NOT a:b' },
    { key: other.secret.reveal() },
    { key: 'nonsense' },
  ]
  const batch = await api.call('POST', '/v1/keys:verifyBatch', { credential, body: { items } })
  assert.equal(batch.status, 200, batch.text)
  const alone = await Promise.all(
    items.map(async (body) => (await api.call('POST', '/v1/keys:verify', { credential, body })).json),
  )
  assert.deepEqual(batch.json['items'], alone)
  await countUses(world)
  const uses = await world.store.reader.uses([other.key.id])
  assert.equal(uses.find(({ code }) => code === 'VALID')?.count, 2)
  for (const body of [{ items: [] }, { items: Array.from({ length: 101 }, () => ({ key: 'x' })) }])
    assert.deepEqual(failure(await api.call('POST', '/v1/keys:verifyBatch', { credential, body })), [
      400,
      'request.invalid',
    ])
  const wrong = { items: [{ key: 'x' }, { key: 'x', permission: 'a:b AND' }] }
  const refused = await api.call('POST', '/v1/keys:verifyBatch', { credential, body: wrong })
  assert.deepEqual(refused.json['errors']?.[0]?.['path'], '/body/items/1/permission')
})

test('keys.usage answers 200 with each version, and 404 for what there is not', async (t) => {
  const api = await openApi(t)
  const { key, secret } = await aKey(api.world)
  await rotated(api.world, key.id, 60)
  const credential = await api.rootKey(['keys:verify'])
  const body = { key: secret.reveal(), address: '192.0.2.7' }
  await api.call('POST', '/v1/keys:verify', { credential, body })
  await countUses(api.world)
  const answer = await api.call('GET', `/v1/keys/${key.id}/usage`)
  assert.equal(answer.status, 200)
  const old = answer.json['versions']?.[1]
  assert.deepEqual([old?.['number'], old?.['addresses']?.[0]?.['address']], [1, '192.0.2.7'])
  const absent = await api.call('GET', `/v1/keys/key_${'0'.repeat(26)}/usage`)
  assert.deepEqual(failure(absent), [404, 'key.not_found'])
})
