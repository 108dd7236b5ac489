import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openNote, parseCheckpoint, parseVerifierKey } from '@keystead/protocol/checkpoint'
import { parseUseReceipt, verifyUseReceipt } from '@keystead/protocol/use-receipt'
import { sha256, verifyEd25519 } from '../../hash.ts'
import { aKey } from '../../keys/keys.test-support.ts'
import { ask, countUses, HOUR, START, type World } from '../../world.test-support.ts'
import { type Api, type Answer, failure, type Json, openApi } from '../api.test-support.ts'

const MINUTE = 60_000

/** Uses a key, or a text that proves none, so many times at this moment. */
function use(world: World, text: string, times: number): void {
  for (let i = 0; i < times; i++) world.usage.count(ask(world, text), world.clock.now)
}

const itemsOf = ({ json }: Answer): readonly Json[] => json['items'] as unknown as readonly Json[]

async function usedKey(api: Api) {
  const { key, secret } = await aKey(api.world)
  use(api.world, secret.reveal(), 2)
  api.world.clock.advance(MINUTE)
  use(api.world, secret.reveal(), 3)
  use(api.world, 'a guess', 4)
  await countUses(api.world)
  return { key, text: secret.reveal() }
}

test('usage.list answers 200 with counts by period for a key, its owner and its project, and for unknown texts', async (t) => {
  const api = await openApi(t)
  const { key } = await usedKey(api)
  const items = async (query: string) => (await api.call('GET', `/v1/usage?${query}`)).json['items']
  const count = (times: number, code = 'VALID', environment: string | null = 'production') => ({
    environment,
    code,
    count: times,
  })
  const minutes = [
    { startAt: START, counts: [count(2)] },
    { startAt: START + MINUTE, counts: [count(3)] },
  ]
  for (const query of [`keyId=${key.id}`, `ownerId=${key.ownerId}`, `projectId=${key.projectId}`]) {
    assert.deepEqual(await items(`${query}&period=minute`), minutes, query)
    assert.deepEqual(await items(query), [{ startAt: START, counts: [count(5)] }], query)
    assert.deepEqual(await items(`${query}&environment=staging`), [], query)
  }
  assert.deepEqual(await items('unknown=true&period=day'), [
    { startAt: START, counts: [count(4, 'NOT_FOUND', null)] },
  ])
})

test('usage.list pages by period, and the bounds of time are kept', async (t) => {
  const api = await openApi(t)
  const { key } = await usedKey(api)
  const query = `/v1/usage?keyId=${key.id}&period=minute`
  const first = await api.call('GET', `${query}&limit=1`)
  assert.deepEqual([itemsOf(first).length, first.json['nextCursor']], [1, String(START)])
  const second = await api.call('GET', `${query}&limit=1&cursor=${START}`)
  assert.deepEqual([itemsOf(second)[0]?.['startAt'], second.json['nextCursor']], [START + MINUTE, null])
  const bounded = await api.call('GET', `${query}&from=${START}&to=${START + MINUTE}`)
  assert.deepEqual(
    [itemsOf(bounded).length, bounded.json['from'], bounded.json['to']],
    [1, START, START + MINUTE],
  )
})

test('usage.list answers 400 unless exactly one subject is named, and 404 for what does not exist', async (t) => {
  const api = await openApi(t)
  const { key } = await usedKey(api)
  for (const query of ['', '?period=day', `?keyId=${key.id}&unknown=true`, '?unknown=false', '?keyId=key_1'])
    assert.deepEqual(failure(await api.call('GET', `/v1/usage${query}`)), [400, 'request.invalid'], query)
  const other = '0'.repeat(26)
  for (const [query, code] of [
    [`keyId=key_${other}`, 'key.not_found'],
    [`ownerId=own_${other}`, 'owner.not_found'],
    [`projectId=prj_${other}`, 'project.not_found'],
  ])
    assert.deepEqual(failure(await api.call('GET', `/v1/usage?${query}`)), [404, code])
})

test('a bound caller sees the use of its own environment only, and nothing of unknown texts', async (t) => {
  const api = await openApi(t)
  const { key } = await usedKey(api)
  const credential = await api.rootKey(['usage:read'], { environment: 'staging' })
  const owner = await api.call('GET', `/v1/usage?ownerId=${key.ownerId}`, { credential })
  assert.deepEqual([owner.status, owner.json['items']], [200, []])
  const named = `/v1/usage?ownerId=${key.ownerId}&environment=production`
  assert.deepEqual((await api.call('GET', named, { credential })).json['items'], [])
  const unknown = await api.call('GET', '/v1/usage?unknown=true', { credential })
  assert.deepEqual(failure(unknown), [403, 'access.denied'])
  const own = await api.rootKey(['usage:read'])
  assert.equal(itemsOf(await api.call('GET', named, { credential: own })).length, 1)
})

test('usage.list says where not every use is known: what had no room, and a boot that was cut off', async (t) => {
  const api = await openApi(t)
  const { key } = await usedKey(api)
  const cutOff = 'boot_00000000000000000000000000'
  await api.world.store.transact({ actor: { type: 'system', id: null }, request: null }, async (tx) => {
    await tx.saveUseEmitter(null, {
      ...{
        id: cutOff as never,
        version: 1,
        createdAt: START - 2 * MINUTE,
        node: 'test',
        state: 'active',
      },
      ...{ lastFlushAt: START - MINUTE, closedAt: null, batches: 1, records: 1, dropped: 0 },
    })
    tx.record({ action: 'server.started', projectId: null, environment: null })
  })
  const { json } = await api.call('GET', `/v1/usage?keyId=${key.id}`)
  const emitters = itemsOf(await api.call('GET', '/v1/usage/emitters'))
  assert.deepEqual(json['gaps'], [
    { boot: cutOff, from: START - MINUTE, to: emitters[1]?.['createdAt'], dropped: null },
  ])
  const later = await api.call('GET', `/v1/usage?keyId=${key.id}&from=${START + HOUR}&to=${START + 2 * HOUR}`)
  assert.deepEqual(later.json['gaps'], [])
})

test('usage.records.get answers 200 with the bytes of a batch, and 404 for one that is not there', async (t) => {
  const api = await openApi(t)
  await usedKey(api)
  const emitters = itemsOf(await api.call('GET', '/v1/usage/emitters'))
  const boot = String(emitters[0]?.['id'])
  assert.deepEqual(
    [emitters[0]?.['batches'], emitters[0]?.['records'], emitters[0]?.['state']],
    [1, 9, 'active'],
  )
  const answer = await api.call('GET', `/v1/usage/records/${boot}/1`)
  assert.equal(answer.headers['content-type'], 'application/octet-stream')
  assert.equal(answer.headers['content-length'], String(9 * 32))
  assert.deepEqual(failure(await api.call('GET', `/v1/usage/records/${boot}/2`)), [404, 'usage.not_found'])
  assert.deepEqual(failure(await api.call('GET', `/v1/usage/records/${boot}/0`)), [400, 'request.invalid'])
})

test('one use is proven from its record to the signed checkpoint, and a record that was changed proves nothing', async (t) => {
  const api = await openApi(t)
  const { world } = api
  const { key, text } = await usedKey(api)
  for (let i = 0; i < 100; i++) use(world, text, 1)
  await world.usage.flush()
  const path = `/v1/usage/proof?keyId=${key.id}&at=${START + 1}`
  assert.deepEqual(
    failure(await api.call('GET', path)),
    [404, 'usage.not_found'],
    'no checkpoint covers it yet',
  )
  await world.publisher.publish()
  const receipt = parseUseReceipt((await api.call('GET', path)).text)
  assert.ok(receipt)
  const vkey = parseVerifierKey(sha256, (await api.call('GET', '/v1/audit/log/key')).text.trim())
  const checkpoint = parseCheckpoint(openNote(receipt.checkpoint, [vkey], verifyEd25519).text)
  const proven = verifyUseReceipt(sha256, receipt, checkpoint)
  assert.ok(typeof proven !== 'string', JSON.stringify(proven))
  const expected = {
    ...{ at: START + MINUTE, keyId: key.id, versionNumber: 1, code: 'VALID', asCaller: false, repeats: 0 },
  }
  assert.deepEqual(proven.use, expected)
  for (const [keyId, at] of [
    [key.id, START + HOUR],
    [`key_${'0'.repeat(26)}`, START],
  ] as const)
    assert.deepEqual(failure(await api.call('GET', `/v1/usage/proof?keyId=${keyId}&at=${at}`)), [
      404,
      'usage.not_found',
    ])
  world.database.writer.exec(
    'UPDATE use_segment SET bytes = CAST(substr(bytes, 33) || substr(bytes, 1, 32) AS BLOB)',
  )
  assert.deepEqual(failure(await api.call('GET', path)), [503, 'storage.integrity'])
})
