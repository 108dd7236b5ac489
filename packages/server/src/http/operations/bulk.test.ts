import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aKey } from '../../keys/keys.test-support.ts'
import { ask, START } from '../../world.test-support.ts'
import { type Api, failure, openApi } from '../api.test-support.ts'

const ABSENT = '/v1/bulk-operations/blk_00000000000000000000000000'

const bulk = async (api: Api, body: object, credential = api.world.bootstrap) =>
  api.call('POST', '/v1/keys:bulk', { body, credential })

test('POST /v1/keys:bulk answers 200 with the preview and the operation, which get shows', async (t) => {
  const api = await openApi(t)
  const { key, secret } = await aKey(api.world)
  const request = { action: 'revoke', query: { keyIds: [key.id] }, parameters: { reason: 'superseded' } }
  const dry = await bulk(api, { ...request, dryRun: true })
  assert.deepEqual([dry.status, dry.json['operation'], dry.json['preview']?.['affected']], [200, null, 1])
  assert.equal(ask(api.world, secret.reveal()).code, 'VALID')
  const answer = await bulk(api, { ...request, confirm: dry.json['preview']?.['confirm'] })
  assert.equal(answer.status, 200)
  const operation = answer.json['operation']
  assert.deepEqual([operation?.['phase'], operation?.['undoUntil']], ['waiting', START + 600_000])
  assert.equal(ask(api.world, secret.reveal()).code, 'SUSPENDED')
  const at = `/v1/bulk-operations/${String(operation?.['id'])}`
  assert.deepEqual((await api.call('GET', at)).json, operation)
  const list = await api.call('GET', '/v1/bulk-operations?limit=1')
  assert.deepEqual(list.json['items'], [operation])
  const undone = await api.call('POST', `${at}/undo`)
  assert.deepEqual([undone.status, undone.json['phase'], undone.json['settled']], [200, 'undone', 1])
  assert.equal(ask(api.world, secret.reveal()).code, 'VALID')
})

test('POST /v1/keys:bulk answers 400 for what is no request, and names the field', async (t) => {
  const api = await openApi(t)
  const bodies = [
    { action: 'destroy', query: { all: true } },
    { action: 'suspend', query: {} },
    { action: 'suspend', query: { all: false } },
    { action: 'suspend', query: { keyIds: [] } },
    { action: 'suspend', query: { everything: true } },
    { action: 'suspend', query: { all: true }, undoSeconds: 604_801 },
    { action: 'suspend', query: { all: true }, parameters: { reason: 'superseded' } },
    { action: 'update', query: { all: true }, parameters: {} },
  ]
  for (const body of bodies) {
    const answer = await bulk(api, body)
    assert.deepEqual(failure(answer), [400, 'request.invalid'], JSON.stringify(body))
    assert.match(String(answer.json['errors']?.[0]?.['path']), /^\/body/)
  }
})

test('POST /v1/keys:bulk answers 403 without the permission of the action, 404 for a project, 409 unconfirmed', async (t) => {
  const api = await openApi(t)
  const request = { action: 'revoke', query: { all: true } }
  const credential = await api.rootKey(['keys:bulk', 'keys:suspend'])
  const denied = await bulk(api, request, credential)
  assert.deepEqual(failure(denied), [403, 'access.denied'])
  assert.match(String(denied.json['detail']), /keys:revoke/)
  const absent = { ...request, projectId: 'prj_00000000000000000000000000' }
  assert.deepEqual(failure(await bulk(api, absent)), [404, 'project.not_found'])
  const unconfirmed = await bulk(api, { ...request, confirm: 'of.another.day' })
  assert.deepEqual(failure(unconfirmed), [409, 'bulk_operation.unconfirmed'])
  await api.call('POST', '/v1/projects', { body: { name: 'other' } })
  assert.deepEqual(failure(await bulk(api, request)), [400, 'project.required'])
})

test('an operation that is not there is 404, and one that cannot be undone 409', async (t) => {
  const api = await openApi(t)
  assert.deepEqual(failure(await api.call('GET', ABSENT)), [404, 'bulk_operation.not_found'])
  assert.deepEqual(failure(await api.call('POST', `${ABSENT}/undo`)), [404, 'bulk_operation.not_found'])
  const { json } = await bulk(api, { action: 'suspend', query: { all: true }, undoSeconds: 0 })
  const undo = await api.call('POST', `/v1/bulk-operations/${String(json['operation']?.['id'])}/undo`)
  assert.deepEqual(failure(undo), [409, 'bulk_operation.not_undoable'])
})
