// What other key servers get wrong, each as the guarantee that it does not happen here.
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { formatApiKey, randomBase62 } from '@keystead/protocol/api-key'
import { aKey, rotated } from '../../keys/keys.test-support.ts'
import { systemRandom } from '../../random.ts'
import { countUses, DAY, HOUR, SECOND } from '../../world.test-support.ts'
import { verify as decideOn } from '../../verify/verifier.ts'
import { type Api, openApi } from '../api.test-support.ts'

interface Asked {
  readonly permission?: string
  readonly address?: string
}

/** The answer of POST /v1/keys:verify to a gateway of the production environment. */
async function verify(api: Api, gateway: string, key: string, asked: Asked = {}) {
  const answer = await api.call('POST', '/v1/keys:verify', { credential: gateway, body: { key, ...asked } })
  assert.equal(answer.status, 200, answer.text)
  return answer.json
}

const gatewayOf = async (api: Api): Promise<string> => api.rootKey(['keys:verify'])

test('T1: a key that is granted documents.* may do documents.read', async (t) => {
  const api = await openApi(t)
  const { secret } = await aKey(api.world, { permissions: ['documents.*:read', 'orders.*.limit:*'] })
  const gateway = await gatewayOf(api)
  for (const permission of ['documents.invoices:read', 'documents.a.b:read', 'orders.spot.limit:cancel'])
    assert.equal((await verify(api, gateway, secret.reveal(), { permission }))['code'], 'VALID', permission)
  for (const permission of ['documents:read', 'documents.a:write', 'orders.limit:cancel'])
    assert.equal(
      (await verify(api, gateway, secret.reveal(), { permission }))['code'],
      'INSUFFICIENT_PERMISSIONS',
      permission,
    )
})

test('T2: a key that is allowed from 10.0.0.0/8 is accepted from 10.1.2.3, and IPv6 ranges hold as well', async (t) => {
  const api = await openApi(t)
  const { secret } = await aKey(api.world, { allowedAddresses: ['10.0.0.0/8', '2001:db8::/32'] })
  const gateway = await gatewayOf(api)
  const code = async (asked: Asked) => (await verify(api, gateway, secret.reveal(), asked))['code']
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8:1::5'])
    assert.equal(await code({ address }), 'VALID', address)
  for (const asked of [{ address: '11.1.2.3' }, { address: '2001:db9::1' }, {}])
    assert.equal(await code(asked), 'ADDRESS_NOT_ALLOWED')
})

test('T3: a client that writes an allowed address into X-Forwarded-For is not believed', async (t) => {
  const api = await openApi(t)
  const { secret } = await aKey(api.world, { allowedAddresses: ['203.0.113.7'] })
  const gateway = await gatewayOf(api)
  const authorize = async (forwardedFor: string) => {
    const answer = await api.call('GET', '/v1/authorize', {
      credential: null,
      headers: {
        'x-keystead-caller': gateway,
        'x-api-key': secret.reveal(),
        'x-forwarded-for': forwardedFor,
      },
    })
    return [answer.status, answer.headers['x-keystead-code']]
  }
  assert.deepEqual(await authorize('203.0.113.7'), [200, 'VALID'])
  assert.deepEqual(await authorize('203.0.113.7, 192.0.2.9'), [200, 'VALID'], 'the second is a trusted proxy')
  assert.deepEqual(await authorize('203.0.113.7, 198.51.100.9'), [403, 'ADDRESS_NOT_ALLOWED'])
  assert.deepEqual(await authorize('203.0.113.7, nonsense'), [403, 'ADDRESS_NOT_ALLOWED'])
})

test('T4: a rotation keeps brand, kind, environment and locator in the text of the key', async (t) => {
  const { world } = await openApi(t)
  const { key, secret } = await aKey(world)
  const next = await rotated(world, key.id, 60)
  const head = (text: string): string => text.slice(0, text.lastIndexOf('_'))
  assert.equal(head(next.secret.reveal()), head(secret.reveal()))
  assert.notEqual(next.secret.reveal(), secret.reveal())
})

test('T5: both versions of a rotating key are one key: one id, one count, one set of limits', async (t) => {
  const api = await openApi(t)
  const { world } = api
  const { key, secret } = await aKey(world)
  const next = await rotated(world, key.id, 60)
  const gateway = await gatewayOf(api)
  for (const text of [secret.reveal(), next.secret.reveal()])
    assert.equal((await verify(api, gateway, text))['keyId'], key.id)
  await countUses(world)
  const uses = await world.store.reader.uses([key.id])
  const counted = uses.map(({ versionNumber, count }) => `version ${versionNumber}: ${count}`)
  assert.deepEqual(counted.toSorted(), ['version 1: 1', 'version 2: 1'])
})

test('T6: an overlap never extends the life of a key that expires earlier', async (t) => {
  const api = await openApi(t)
  const { world } = api
  const { key, secret } = await aKey(world, { expiresAt: world.clock.now + HOUR })
  const next = await rotated(world, key.id, DAY / SECOND)
  world.clock.advance(HOUR)
  const gateway = await gatewayOf(api)
  for (const text of [secret.reveal(), next.secret.reveal()])
    assert.equal((await verify(api, gateway, text))['code'], 'EXPIRED')
})

test('T7: a rotation without overlap ends the old secret before it is answered', async (t) => {
  const api = await openApi(t)
  const { key, secret } = await aKey(api.world)
  const gateway = await gatewayOf(api)
  assert.equal((await verify(api, gateway, secret.reveal()))['code'], 'VALID')
  const answer = await api.call('POST', `/v1/keys/${key.id}/rotate`, { body: { overlapSeconds: 0 } })
  assert.equal(answer.status, 200)
  assert.equal((await verify(api, gateway, secret.reveal()))['code'], 'EXPIRED')
})

test('T10: a missing permission is told apart from a key that does not exist', async (t) => {
  const api = await openApi(t)
  const { secret } = await aKey(api.world)
  const gateway = await gatewayOf(api)
  const unknown = `${secret.reveal().slice(0, -1)}${secret.reveal().endsWith('0') ? '1' : '0'}`
  const permission = 'funds:withdraw'
  assert.equal(
    (await verify(api, gateway, secret.reveal(), { permission }))['code'],
    'INSUFFICIENT_PERMISSIONS',
  )
  assert.equal((await verify(api, gateway, unknown, { permission }))['code'], 'NOT_FOUND')
})

test('T11: an expired key stays, is told that it expired however often it asks, and its history is there', async (t) => {
  const api = await openApi(t)
  const { world } = api
  const { key, secret } = await aKey(world, { expiresAt: world.clock.now + SECOND })
  world.clock.advance(SECOND)
  const gateway = await gatewayOf(api)
  for (let i = 0; i < 3; i++) assert.equal((await verify(api, gateway, secret.reveal()))['code'], 'EXPIRED')
  const shown = await api.call('GET', `/v1/keys/${key.id}`)
  assert.equal(shown.json['state'], 'expired')
  const events = await api.call('GET', `/v1/audit/events?targetId=${key.id}`)
  assert.ok(Array.isArray(events.json['items']))
  assert.equal(events.json['items'].length, 1)
})

test('T12: a flood of random keys changes nothing for the next valid one, and memory stays flat', async (t) => {
  const { world } = await openApi(t)
  const { secret } = await aKey(world)
  const place = { projectId: world.projectId, environment: 'production' } as const
  const presented = (text: string) => ({ text, permission: 'market:read', address: null, path: '' })
  const parts = { brand: 'ks', kind: 'key', environment: 'production' } as const
  const guess = (): string =>
    formatApiKey({
      ...parts,
      locator: randomBase62(12, systemRandom),
      secret: randomBase62(32, systemRandom),
    })
  const texts = Array.from({ length: 1_000 }, guess)
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 100_000; i++)
    void decideOn(world.verifier, place, presented(texts[randomInt(texts.length)] ?? ''))
  assert.ok(process.memoryUsage().heapUsed - before < 64 * 2 ** 20)
  for (let i = 0; i < 100; i++)
    assert.equal((await decideOn(world.verifier, place, presented(secret.reveal()))).code, 'VALID')
})
