import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemOf } from './problem.ts'
import { renderOpenApi } from './openapi.ts'
import { openApi } from './api.test-support.ts'

test('health and the OpenAPI document need no credential', async (t) => {
  const api = await openApi(t)
  for (const path of ['/livez', '/readyz'])
    assert.deepEqual((await api.call('GET', path, { credential: null })).json, { status: 'ok' })
  const document = await api.call('GET', '/openapi.json', { credential: null })
  assert.equal(document.text, renderOpenApi())
})

test('an unexpected failure tells nothing but the request id, and its cause goes to the log', () => {
  const lines: string[] = []
  const log = (level: string, event: string, fields = {}) =>
    lines.push(JSON.stringify({ level, event, fields }))
  const problem = problemOf(new TypeError('password hunter2 at /srv/secret.ts'), 'req_1', log)
  assert.deepEqual(problem, {
    type: '/errors/server.internal',
    title: 'Something went wrong inside',
    status: 500,
    code: 'server.internal',
    instance: 'req_1',
  })
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /request\.failed.*req_1/)
})

test('a value that is no Error is an unexpected failure too', () => {
  for (const thrown of [null, undefined, 'text', 7, {}])
    assert.equal(problemOf(thrown, 'req_1', () => undefined).status, 500)
})

test('the onlooker is told how to authenticate, and each answer names its request and is not kept', async (t) => {
  const api = await openApi(t)
  const answer = await api.call('GET', '/v1/keys', { credential: null })
  assert.match(String(answer.headers['www-authenticate']), /^Bearer/)
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal(answer.headers['x-request-id'], String(answer.json['instance']))
})

test('a request id of the client is not taken over', async (t) => {
  const api = await openApi(t)
  const answer = await api.call('GET', '/v1/projects', {
    headers: { 'x-request-id': 'forged', 'request-id': 'forged' },
  })
  assert.match(String(answer.headers['x-request-id']), /^req_[0-9a-z]{26}$/)
})
