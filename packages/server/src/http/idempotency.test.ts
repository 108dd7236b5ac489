import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aKey, anOwner } from '../keys/keys.test-support.ts'
import { closeOnce, DAY, openWorld, SECOND } from '../world.test-support.ts'
import { forgetRequestsJob } from '../jobs/requests.ts'
import { type Answer, type Api, failure, openApi, openApiOver } from './api.test-support.ts'
import { OPERATIONS, SELF_OPERATIONS } from './operations.ts'
import { sampleOf } from './operations/samples.test-support.ts'

const ownerBody = async (api: Api) => ({
  ...{ projectId: api.world.projectId, environment: 'production', permissions: ['market:read'] },
  ownerId: (await anOwner(api.world)).id,
})

const create = async (
  api: Api,
  key: string,
  body: unknown,
  options: { credential?: string } = {},
): Promise<Answer> => api.call('POST', '/v1/keys', { body, headers: { 'idempotency-key': key }, ...options })

test('of ten equal requests at once one issues a key; no other answer has its secret, or another key', async (t) => {
  const api = await openApi(t)
  const body = await ownerBody(api)
  const { size } = api.world.store.head()
  const answers = await Promise.all(Array.from({ length: 10 }, async () => create(api, 'once', body)))
  assert.equal(api.world.store.head().size, size + 1)
  const created = answers.filter(({ status }) => status === 201)
  assert.equal(created.filter(({ json }) => typeof json['secret'] === 'string').length, 1)
  assert.equal(new Set(created.map(({ json }) => json['key']?.['id'])).size, 1)
  for (const answer of answers.filter(({ status }) => status !== 201)) {
    assert.deepEqual(failure(answer), [409, 'request.in_progress'])
    assert.equal(answer.headers['retry-after'], '1')
  }
})

test('a repetition is answered with what the change has come to, without its secret, and changes nothing', async (t) => {
  const api = await openApi(t)
  const body = await ownerBody(api)
  const first = await create(api, 'a', body)
  assert.deepEqual([first.status, first.json['secretAvailable']], [201, true])
  assert.equal(first.headers['idempotent-replayed'], undefined)
  const id = String(first.json['key']?.['id'])
  await api.call('PATCH', `/v1/keys/${id}`, { body: { name: 'renamed' } })
  const { size } = api.world.store.head()
  // The order of members is not what is asked.
  const reordered = Object.fromEntries(Object.entries(body).toReversed())
  const again = await create(api, 'a', reordered)
  assert.deepEqual([again.status, again.headers['idempotent-replayed']], [201, 'true'])
  assert.deepEqual([again.json['key']?.['id'], again.json['key']?.['name']], [id, 'renamed'])
  assert.deepEqual([again.json['secret'], again.json['secretAvailable']], [undefined, false])
  assert.ok(!again.text.includes(String(first.json['secret'])))
  assert.equal(api.world.store.head().size, size)
})

test('a key stands for one request of one caller', async (t) => {
  const api = await openApi(t)
  const body = await ownerBody(api)
  const first = await create(api, 'a', body)
  assert.deepEqual(failure(await create(api, 'a', { ...body, name: 'other' })), [409, 'request.key_reused'])
  const elsewhere = await api.call('POST', '/v1/owners', {
    body: { projectId: api.world.projectId, externalId: 'other' },
    headers: { 'idempotency-key': 'a' },
  })
  assert.deepEqual(failure(elsewhere), [409, 'request.key_reused'])
  const other = await create(api, 'a', body, { credential: await api.rootKey(['keys:create']) })
  assert.equal(other.status, 201)
  assert.notEqual(other.json['key']?.['id'], first.json['key']?.['id'])
})

test('a request that failed may be tried again with its key', async (t) => {
  const api = await openApi(t)
  const body = await ownerBody(api)
  const wrong = { ...body, expiresAt: api.world.clock.now - DAY }
  assert.equal((await create(api, 'a', wrong)).status, 400)
  assert.equal((await create(api, 'a', body)).json['secretAvailable'], true)
})

test('a repetition needs what the request needed, and no permission to read', async (t) => {
  const api = await openApi(t)
  const credential = await api.rootKey(['keys:create'])
  const body = await ownerBody(api)
  assert.equal((await create(api, 'a', body, { credential })).status, 201)
  assert.equal((await create(api, 'a', body, { credential })).headers['idempotent-replayed'], 'true')
  api.world.clock.advance(2 * DAY)
  assert.equal((await create(api, 'a', body, { credential })).status, 401)
})

test('after a day a key is free again, whether its request has been forgotten yet or not', async (t) => {
  const api = await openApi(t)
  const body = await ownerBody(api)
  const ids = new Set<unknown>()
  const issue = async (key: string) => ids.add((await create(api, key, body)).json['key']?.['id'])
  await issue('a')
  await issue('b')
  api.world.clock.advance(DAY - SECOND)
  await issue('a')
  await forgetRequestsJob.run(api.world)
  await issue('b')
  assert.equal(ids.size, 2)
  api.world.clock.advance(SECOND)
  await issue('a')
  await forgetRequestsJob.run(api.world)
  await issue('b')
  assert.equal(ids.size, 4)
  const rows = api.world.database.writer.prepare('SELECT count(*) AS n FROM done_request').get()
  assert.equal(rows?.['n'], 2)
})

test('what was done is known after a restart', async (t) => {
  const api = await openApi(t)
  const body = await ownerBody(api)
  const first = await create(api, 'a', body)
  await api.world.usage.close()
  await closeOnce(api.world.store)
  const world = await openWorld(t, { folder: api.world.folder, clock: api.world.clock })
  const again = await create(await openApiOver(t, world), 'a', body, { credential: api.world.bootstrap })
  assert.equal(again.json['key']?.['id'], first.json['key']?.['id'])
})

test('a row that was changed by SQL is refused and told, and one put in for another request proves nothing', async (t) => {
  const api = await openApi(t)
  const body = await ownerBody(api)
  await create(api, 'a', body)
  await create(api, 'b', body)
  const { writer } = api.world.database
  const refused: unknown[] = []
  api.world.store.onRefused((row) => refused.push(row.table))
  writer.exec('CREATE TEMP TABLE kept AS SELECT * FROM done_request')
  for (const [column, value] of [
    ['targets', `'[["api_key","key_0000000000000000000000000a"]]'`],
    ['at', 'at + 1'],
    ['content', '(SELECT max(mac) FROM kept)'],
    ['mac', '(SELECT max(mac) FROM kept WHERE kept.id <> done_request.id)'],
  ] as const) {
    writer.exec(`UPDATE done_request SET ${column} = ${value}`)
    assert.deepEqual(failure(await create(api, 'a', body)), [503, 'storage.integrity'], column)
    writer.exec('DELETE FROM done_request; INSERT INTO done_request SELECT * FROM kept')
  }
  assert.deepEqual(
    refused,
    Array.from({ length: 4 }, () => 'done_request'),
  )
  assert.equal((await create(api, 'a', body)).headers['idempotent-replayed'], 'true')
})

test('what is no key is refused', async (t) => {
  const api = await openApi(t)
  const body = await ownerBody(api)
  for (const key of ['', 'with space', 'ü', 'x'.repeat(256)])
    assert.deepEqual(failure(await create(api, key, body)), [400, 'request.invalid'], key)
  const two = await api.call('POST', '/v1/keys', { body, headers: { 'idempotency-key': ['a', 'b'] } })
  assert.deepEqual(failure(two), [400, 'request.invalid'])
})

/** An answer without what only the first one has; lists of objects in one order. */
function shown({ json }: Answer): unknown {
  const {
    secret: _secret,
    secretAvailable: _available,
    preview: _preview,
    ...rest
  } = json as object as Record<string, unknown>
  const order = (one: unknown, other: unknown): number =>
    JSON.stringify(one) < JSON.stringify(other) ? -1 : 1
  return Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [name, Array.isArray(value) ? value.toSorted(order) : value]),
  )
}

test('every operation that changes something says how it is repeated, and a repetition makes no second change', async (t) => {
  const api = await openApi(t)
  for (const operation of OPERATIONS) {
    assert.equal(operation.audit === null, operation.repeat === null, operation.id)
    if (operation.repeat === null || operation.repeat === 'again') continue
    const sample = await sampleOf(operation.id, api.world)
    assert.ok(sample, operation.id)
    const { path, body } = sample
    const isDryRun = operation.id === 'keys.bulk'
    const options = {
      body: isDryRun ? { ...(body as object), dryRun: false } : body,
      headers: { 'idempotency-key': operation.id },
    }
    const first = await api.call(operation.method, path, options)
    assert.equal(first.status, operation.status, `${operation.id}: ${first.text}`)
    const { size } = api.world.store.head()
    const again = await api.call(operation.method, path, options)
    assert.equal(again.status, operation.status, `${operation.id}: ${again.text}`)
    assert.equal(again.headers['idempotent-replayed'], 'true', operation.id)
    assert.equal(api.world.store.head().size, size, operation.id)
    assert.deepEqual(shown(again), shown(first), operation.id)
    assert.equal((again.json as { secret?: string }).secret, undefined, operation.id)
  }
})

test('a holder who repeats a rotation or revocation makes it once', async (t) => {
  const api = await openApi(t)
  await api.call('PATCH', `/v1/projects/${api.world.projectId}/environments/production`, {
    body: { selfRotation: true },
  })
  for (const { id, method, path, repeat } of SELF_OPERATIONS) {
    if (repeat === null) continue
    const { secret } = await aKey(api.world)
    const options = { credential: secret.reveal(), body: {}, headers: { 'idempotency-key': id } }
    const first = await api.call(method, path, options)
    const { size } = api.world.store.head()
    const again = await api.call(method, path, options)
    assert.deepEqual([first.status, again.status], [200, 200], `${first.text} ${again.text}`)
    assert.equal(again.headers['idempotent-replayed'], 'true')
    assert.equal((again.json as { secret?: string }).secret, undefined)
    assert.equal(again.json['keyId'], first.json['keyId'])
    assert.equal(api.world.store.head().size, size)
  }
})
