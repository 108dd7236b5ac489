// The operations that take a key out of use and back, by each status that they can answer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aKey, aRootKey, rotated } from '../../keys/keys.test-support.ts'
import { DAY } from '../../world.test-support.ts'
import { type Api, failure, openApi } from '../api.test-support.ts'

const ABSENT = `key_${'0'.repeat(26)}`
const post = async (api: Api, path: string, body: object = {}) =>
  api.call('POST', path, { body: { ...body } })

for (const noun of ['keys', 'root-keys'] as const) {
  test(`${noun}.suspend and ${noun}.resume answer 200, then 409, and 404 for what there is not`, async (t) => {
    const api = await openApi(t)
    const { key } = noun === 'keys' ? await aKey(api.world) : await aRootKey(api.world)
    const at = `/v1/${noun}/${key.id}`
    const suspended = await post(api, `${at}/suspend`, { reason: 'personnelChange' })
    assert.deepEqual([suspended.status, suspended.json['state']], [200, 'suspended'])
    assert.deepEqual(failure(await post(api, `${at}/suspend`)), [409, 'key.illegal_transition'])
    const resumed = await post(api, `${at}/resume`)
    assert.deepEqual([resumed.status, resumed.json['state']], [200, 'active'])
    assert.deepEqual(failure(await post(api, `${at}/resume`)), [409, 'key.illegal_transition'])
    for (const verb of ['suspend', 'resume'])
      assert.deepEqual(failure(await post(api, `/v1/${noun}/${ABSENT}/${verb}`)), [404, 'key.not_found'])
    assert.deepEqual(failure(await post(api, `${at}/suspend`, { reason: 'x' })), [400, 'request.invalid'])
  })
}

test('keys.cancel-rotation answers 200 within the overlap, 409 without one, 404 for what there is not', async (t) => {
  const api = await openApi(t)
  const { key } = await aKey(api.world)
  const path = `/v1/keys/${key.id}/cancel-rotation`
  assert.deepEqual(failure(await post(api, path)), [409, 'key.no_rotation'])
  await rotated(api.world, key.id, 60)
  assert.equal((await post(api, path)).status, 200)
  assert.deepEqual(failure(await post(api, `/v1/keys/${ABSENT}/cancel-rotation`)), [404, 'key.not_found'])
})

test('keys.destroy and keys.cancel-destruction answer 200, 409 out of turn, 404 for what there is not', async (t) => {
  const api = await openApi(t)
  const { key } = await aKey(api.world)
  const at = `/v1/keys/${key.id}`
  assert.deepEqual(failure(await post(api, `${at}/destroy`)), [409, 'key.illegal_transition'])
  await post(api, `${at}/suspend`)
  const scheduled = await post(api, `${at}/destroy`)
  assert.deepEqual([scheduled.status, scheduled.json['destroyAt']], [200, api.world.clock.now + 7 * DAY])
  const cancelled = await post(api, `${at}/cancel-destruction`)
  assert.deepEqual([cancelled.status, cancelled.json['destroyAt']], [200, null])
  assert.deepEqual(failure(await post(api, `${at}/cancel-destruction`)), [409, 'key.no_destruction'])
  for (const verb of ['destroy', 'cancel-destruction'])
    assert.deepEqual(failure(await post(api, `/v1/keys/${ABSENT}/${verb}`)), [404, 'key.not_found'])
  const long = await post(api, `${at}/destroy`, { delaySeconds: 91 * 86_400 })
  assert.deepEqual(failure(long), [400, 'request.invalid'])
})
