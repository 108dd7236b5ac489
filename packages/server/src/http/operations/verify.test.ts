import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VerificationCode } from '@keystead/protocol/decision'
import { formatApiKey, parseApiKey } from '@keystead/protocol/api-key'
import { aKey, rotated } from '../../keys/keys.test-support.ts'
import { revokeKey } from '../../keys/revoke.ts'
import { event, PROVENANCE } from '../../storage/contract.test-support.ts'
import { closeOnce, countUses, HOUR, may, START, type World } from '../../world.test-support.ts'
import { type Answer, type Api, failure, openApi } from '../api.test-support.ts'

interface Case {
  readonly code: VerificationCode
  readonly reason: string | null
  /** The status of the gateway's answer. */
  readonly status: 200 | 401 | 403
  readonly permission?: string
  /** Makes the key and gives its text. */
  readonly prepare: (world: World) => Promise<string>
}

const CASES: Readonly<Record<string, Case>> = {
  'a key in use': {
    ...{ code: 'VALID', reason: null, status: 200, permission: 'market:read' },
    prepare: async (world) => (await aKey(world)).secret.reveal(),
  },
  'a text that is no key': {
    ...{ code: 'NOT_FOUND', reason: null, status: 401 },
    prepare: async () => 'hello',
  },
  'a well-formed key that was never issued': {
    ...{ code: 'NOT_FOUND', reason: null, status: 401 },
    prepare: async (world) => {
      const parts = parseApiKey((await aKey(world)).secret.reveal())
      assert.ok(parts)
      return formatApiKey({ ...parts, locator: '000000000000' })
    },
  },
  'a key of another environment': {
    ...{ code: 'NOT_FOUND', reason: null, status: 401 },
    prepare: async (world) => (await aKey(world, { environment: 'staging' })).secret.reveal(),
  },
  'a root key': {
    ...{ code: 'NOT_FOUND', reason: null, status: 401 },
    prepare: async (world) => world.bootstrap,
  },
  'an expired key': {
    ...{ code: 'EXPIRED', reason: 'expired', status: 401 },
    prepare: async (world) => {
      const { secret } = await aKey(world, { expiresAt: START + HOUR })
      world.clock.advance(HOUR)
      return secret.reveal()
    },
  },
  'a version whose overlap is over': {
    ...{ code: 'EXPIRED', reason: 'rotated', status: 401 },
    prepare: async (world) => {
      const { key, secret } = await aKey(world)
      await rotated(world, key.id, 0)
      return secret.reveal()
    },
  },
  'a key before its first moment': {
    ...{ code: 'NOT_YET_ACTIVE', reason: null, status: 401 },
    prepare: async (world) => (await aKey(world, { notBefore: START + HOUR })).secret.reveal(),
  },
  'a suspended key': {
    ...{ code: 'SUSPENDED', reason: null, status: 401 },
    prepare: async (world) => {
      const { key, secret } = await aKey(world)
      await world.store.transact(PROVENANCE, async (tx) => {
        await tx.saveKey(key, { ...key, version: 2, state: 'suspended' })
        tx.record(event('key.updated'))
      })
      return secret.reveal()
    },
  },
  'a revoked key': {
    ...{ code: 'REVOKED', reason: 'superseded', status: 401 },
    prepare: async (world) => {
      const { key, secret } = await aKey(world)
      await revokeKey(world.domain, may('keys:revoke'), 'issued', key.id, 'superseded')
      return secret.reveal()
    },
  },
  'a key without the permission': {
    ...{ code: 'INSUFFICIENT_PERMISSIONS', reason: null, status: 403, permission: 'orders:trade' },
    prepare: async (world) => (await aKey(world)).secret.reveal(),
  },
}

const FIELDS = [
  'ageMs',
  'code',
  'environment',
  'keyId',
  'owner',
  'ownerId',
  'position',
  'reason',
  'valid',
  'version',
]

const verify = (api: Api, credential: string, body: unknown): Promise<Answer> =>
  api.call('POST', '/v1/keys:verify', { credential, body })

const authorize = (api: Api, headers: Record<string, string | string[]>): Promise<Answer> =>
  api.call('GET', '/v1/authorize', { credential: null, headers })

for (const [what, { code, reason, status, permission, prepare }] of Object.entries(CASES)) {
  test(`${what} is answered ${code} by both verifications`, async (t) => {
    const api = await openApi(t)
    const caller = await api.rootKey(['keys:verify'])
    const key = await prepare(api.world)
    const wish = permission === undefined ? {} : { permission }
    const { status: answered, json } = await verify(api, caller, { key, ...wish })
    assert.equal(answered, 200)
    assert.deepEqual(Object.keys(json).toSorted(), FIELDS)
    assert.deepEqual([json['code'], json['reason'], json['valid']], [code, reason, code === 'VALID'])
    assert.equal(json['keyId'] === null, code === 'NOT_FOUND')
    assert.equal(json['position'], api.world.store.head().size)
    const headers = permission === undefined ? {} : { 'x-keystead-permission': permission }
    const gateway = await authorize(api, {
      'x-keystead-caller': caller,
      authorization: `Bearer ${key}`,
      ...headers,
    })
    assert.deepEqual([gateway.status, gateway.text], [status, ''])
    assert.equal(gateway.headers['x-keystead-code'], code)
    assert.equal(gateway.headers['x-keystead-reason'] ?? null, reason)
    assert.equal(gateway.headers['x-keystead-key-id'] ?? null, json['keyId'])
    assert.equal(Number(gateway.headers['x-keystead-version'] ?? 0), Number(json['version']))
  })
}

test('every way of writing the same request is read the same', async (t) => {
  const api = await openApi(t)
  const caller = await api.rootKey(['keys:verify'])
  const key = (await aKey(api.world)).secret.reveal()
  const bodies = [
    `{"key":"${key}"}`,
    ` {\n"key" : "${key}" }\t`,
    `{"permission":"market:read","key":"${key}"}`,
    `{ "key": "${key}", "permission": "market:read" }`,
    `{"key":"\\u006b${key.slice(1)}"}`,
  ]
  for (const raw of bodies) {
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    const answer = await api.call('POST', '/v1/keys:verify', { credential: caller, raw, headers })
    assert.equal(answer.json['code'], 'VALID', raw)
  }
  for (const field of [`Bearer ${key}`, `bearer ${key}`, `BEARER ${key}`])
    assert.equal((await authorize(api, { 'x-keystead-caller': caller, authorization: field })).status, 200)
  assert.equal((await authorize(api, { 'x-keystead-caller': caller, 'x-api-key': key })).status, 200)
})

test('a request with two credentials, or with none, has none', async (t) => {
  const api = await openApi(t)
  const caller = await api.rootKey(['keys:verify'])
  const [one, other] = [(await aKey(api.world)).secret.reveal(), (await aKey(api.world)).secret.reveal()]
  const presented: readonly Record<string, string | string[]>[] = [
    { authorization: `Bearer ${one}`, 'x-api-key': other },
    { authorization: `Bearer ${one}`, 'x-api-key': one },
    { authorization: [`Bearer ${one}`, `Bearer ${other}`] },
    { authorization: [`Bearer ${one}`, `Bearer ${one}`], 'x-api-key': one },
    { authorization: 'Basic dTpw', 'x-api-key': one },
    { 'x-api-key': [one, other] },
    { authorization: `Bearer ${one}, Bearer ${other}` },
    { authorization: `Basic ${one}` },
    { authorization: one },
    { authorization: `Bearer  ${one}` },
    { 'x-api-key': '' },
    {},
  ]
  for (const headers of presented) {
    const answer = await authorize(api, { 'x-keystead-caller': caller, ...headers })
    assert.deepEqual(
      [answer.status, answer.headers['x-keystead-code']],
      [401, 'NOT_FOUND'],
      JSON.stringify(headers),
    )
  }
})

test('a caller with two credentials is unauthenticated, whichever of them is good', async (t) => {
  const api = await openApi(t)
  const caller = await api.rootKey(['*'])
  for (const other of [caller, 'garbage']) {
    for (const authorization of [
      [`Bearer ${caller}`, `Bearer ${other}`],
      [`Bearer ${other}`, `Bearer ${caller}`],
    ]) {
      const options = { credential: null, headers: { authorization } }
      assert.deepEqual(failure(await api.call('GET', '/v1/keys', options)), [401, 'access.unauthenticated'])
      const answer = await api.call('POST', '/v1/keys:verify', { ...options, body: { key: 'x' } })
      assert.deepEqual(failure(answer), [401, 'access.unauthenticated'])
    }
  }
})

test('a wish that is no exact permission is refused, never ignored', async (t) => {
  const api = await openApi(t)
  const caller = await api.rootKey(['keys:verify'])
  const key = (await aKey(api.world, { permissions: ['*'] })).secret.reveal()
  for (const permission of ['', '*', 'a', 'a:*', '!a:b', 'A:b', 'a:b c:d', `${'a'.repeat(127)}:b`]) {
    assert.deepEqual(
      failure(await verify(api, caller, { key, permission })),
      [400, 'request.invalid'],
      permission,
    )
    const headers = { 'x-keystead-caller': caller, 'x-api-key': key, 'x-keystead-permission': permission }
    assert.deepEqual(failure(await authorize(api, headers)), [400, 'request.invalid'], permission)
  }
  const twice = { 'x-keystead-caller': caller, 'x-api-key': key, 'x-keystead-permission': ['a:b', 'c:d'] }
  assert.deepEqual(failure(await authorize(api, twice)), [400, 'request.invalid'])
  assert.deepEqual(failure(await verify(api, caller, { key, permission: null })), [400, 'request.invalid'])
  assert.deepEqual(failure(await verify(api, caller, { key, permissions: ['a:b'] })), [
    400,
    'request.invalid',
  ])
})

test('only a credential of one project and one environment verifies', async (t) => {
  const api = await openApi(t)
  const key = (await aKey(api.world)).secret.reveal()
  for (const bounds of [{ projectId: null }, { environment: null }]) {
    const caller = await api.rootKey(['keys:verify'], bounds)
    assert.deepEqual(failure(await verify(api, caller, { key })), [403, 'access.denied'])
    const gateway = await authorize(api, { 'x-keystead-caller': caller, 'x-api-key': key })
    assert.deepEqual(failure(gateway), [403, 'access.denied'])
  }
})

test("the gateway's credential counts in its own field only", async (t) => {
  const api = await openApi(t)
  const caller = await api.rootKey(['keys:verify'])
  const key = (await aKey(api.world)).secret.reveal()
  const forms: readonly Record<string, string | string[]>[] = [
    { authorization: `Bearer ${caller}`, 'x-api-key': key },
    { 'x-keystead-caller': [caller, caller], 'x-api-key': key },
    { 'x-keystead-caller': `Bearer ${caller}`, 'x-api-key': key },
    { 'x-keystead-caller': key, 'x-api-key': key },
  ]
  for (const headers of forms)
    assert.deepEqual(failure(await authorize(api, headers)), [401, 'access.unauthenticated'])
})

test('a verification makes no database access: with the database closed it answers all the same', async (t) => {
  const api = await openApi(t)
  const caller = await api.rootKey(['keys:verify'])
  const key = (await aKey(api.world)).secret.reveal()
  await closeOnce(api.world.store)
  assert.throws(() => api.world.database.reader.exec('SELECT 1'))
  assert.equal((await verify(api, caller, { key, permission: 'market:read' })).json['code'], 'VALID')
  assert.equal(
    (await verify(api, caller, { key, permission: 'a:b' })).json['code'],
    'INSUFFICIENT_PERMISSIONS',
  )
  assert.equal((await authorize(api, { 'x-keystead-caller': caller, 'x-api-key': key })).status, 200)
  const parts = parseApiKey(key)
  assert.ok(parts)
  for (let i = 0; i < 100; i++) {
    const unknown = formatApiKey({ ...parts, locator: String(i).padStart(12, '0') })
    assert.equal((await verify(api, caller, { key: unknown })).json['code'], 'NOT_FOUND')
  }
  assert.deepEqual(failure(await verify(api, 'garbage', { key })), [401, 'access.unauthenticated'])
})

test('verifications are counted per version and outcome, with the last time of use', async (t) => {
  const api = await openApi(t)
  const { world } = api
  const caller = await api.rootKey(['keys:verify'])
  const { key, secret } = await aKey(world)
  const next = await rotated(world, key.id, 3_600)
  for (let i = 0; i < 3; i++) await verify(api, caller, { key: secret.reveal() })
  world.clock.advance(5)
  await verify(api, caller, { key: next.secret.reveal() })
  await verify(api, caller, { key: next.secret.reveal(), permission: 'a:b' })
  await verify(api, caller, { key: 'unknown' })
  await countUses(world)
  await countUses(world)
  const { json } = await api.call('GET', `/v1/keys/${key.id}`)
  const uses = json['uses'] as unknown as { versionNumber: number; code: string; count: number }[]
  assert.deepEqual(
    uses.map(({ versionNumber, code, count }) => `${versionNumber} ${code} ${count}`).toSorted(),
    ['1 VALID 3', '2 INSUFFICIENT_PERMISSIONS 1', '2 VALID 1'],
  )
  assert.equal(json['lastUsedAt'], START + 5)
})
