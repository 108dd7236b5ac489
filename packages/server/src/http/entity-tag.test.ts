import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DomainError } from '../errors.ts'
import { aKey, anOwner } from '../keys/keys.test-support.ts'
import { failure, openApi } from './api.test-support.ts'
import { entityTagOf, versionIn } from './entity-tag.ts'

test('an answer that shows one object has its version as a tag, and lists have none', async (t) => {
  const api = await openApi(t)
  const { key } = await aKey(api.world)
  assert.equal((await api.call('GET', `/v1/keys/${key.id}`)).headers['etag'], '"1"')
  const renamed = await api.call('PATCH', `/v1/keys/${key.id}`, { body: { name: 'new' } })
  assert.equal(renamed.headers['etag'], '"2"')
  const rotated = await api.call('POST', `/v1/keys/${key.id}/rotate`, { body: {} })
  assert.equal(rotated.headers['etag'], '"3"')
  assert.equal((await api.call('GET', '/v1/keys')).headers['etag'], undefined)
})

test('a change is made only to the version that If-Match names, of ten at once to exactly one', async (t) => {
  const api = await openApi(t)
  const owner = await anOwner(api.world)
  const path = `/v1/owners/${owner.id}`
  const rename = async (name: string, tag: string) =>
    api.call('PATCH', path, { body: { name }, headers: { 'if-match': tag } })
  const answers = await Promise.all(Array.from({ length: 10 }, async (_, i) => rename(`name ${i}`, '"1"')))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  assert.equal(answers.filter(({ status }) => status === 412).length, 9)
  const { size } = api.world.store.head()
  assert.deepEqual(failure(await rename('late', '"1"')), [412, 'request.precondition_failed'])
  assert.equal(api.world.store.head().size, size)
  assert.equal((await rename('any', '*')).status, 200)
  assert.equal((await rename('next', '"3"')).status, 200)
})

test('a change that makes something new has no version to match, whatever is named', async (t) => {
  const api = await openApi(t)
  const body = { projectId: api.world.projectId, externalId: 'new' }
  const created = await api.call('POST', '/v1/owners', { body, headers: { 'if-match': '"1"' } })
  assert.deepEqual(failure(created), [412, 'request.precondition_failed'])
  assert.equal((await api.call('POST', '/v1/owners', { body })).status, 201)
})

test('what is no strong tag of ours is refused, and never taken for none', async (t) => {
  const api = await openApi(t)
  const { key } = await aKey(api.world)
  for (const tag of ['1', 'W/"1"', '"1", "2"', '"01"', '""', '"x"', '"1']) {
    const answer = await api.call('PATCH', `/v1/keys/${key.id}`, {
      body: { name: 'x' },
      headers: { 'if-match': tag },
    })
    assert.deepEqual(failure(answer), [400, 'request.invalid'], tag)
  }
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        const version = versionIn(text)
        assert.ok(version === null ? text.trim() === '*' : entityTagOf({ version }) === text.trim())
      } catch (error) {
        assert.ok(error instanceof DomainError && error.code === 'request.invalid')
      }
    }),
  )
})

test('reading is never refused for a tag', async (t) => {
  const api = await openApi(t)
  const { key } = await aKey(api.world)
  const answer = await api.call('GET', `/v1/keys/${key.id}`, { headers: { 'if-match': '"9"' } })
  assert.equal(answer.status, 200)
})
