import assert from 'node:assert/strict'
import { test } from 'node:test'
import { base64Decode, hexEncode } from '@keystead/protocol/bytes'
import { openNote, parseCheckpoint, parseVerifierKey } from '@keystead/protocol/checkpoint'
import { leafHash, verifyConsistency, verifyInclusion } from '@keystead/protocol/merkle'
import { sha256, verifyEd25519 } from '../../hash.ts'
import { newProject, saveProject, saveProjects } from '../../storage/contract.test-support.ts'
import { type Api, failure, type Json, openApi } from '../api.test-support.ts'

async function grown(api: Api, leaves: number): Promise<void> {
  for (let i = 0; i < leaves; i++) await saveProject(api.world.store, newProject())
  await api.world.publisher.publish()
}

const bytesOf = (value: Json | undefined): Uint8Array => {
  const bytes = base64Decode(String(value))
  assert.ok(bytes)
  return bytes
}

const proofOf = (json: Json): Uint8Array[] => (json['proof'] as unknown as Json[]).map(bytesOf)

test('audit.events.list answers 200 with the leaves in order, paged by position and filtered', async (t) => {
  const api = await openApi(t)
  await grown(api, 6)
  const positions: unknown[] = []
  let query = 'limit=3&action=project.created'
  for (;;) {
    const { json } = await api.call('GET', `/v1/audit/events?${query}`)
    for (const item of json['items'] as unknown as { position: number }[]) positions.push(item.position)
    if (json['nextCursor'] === null) break
    query = `limit=3&action=project.created&cursor=${String(json['nextCursor'])}`
  }
  assert.deepEqual(positions, [1, 2, 3, 4, 5, 6])
  const { json } = await api.call('GET', '/v1/audit/events/3')
  const target = String(json['event']?.['targets']?.[0]?.['id'])
  const about = await api.call('GET', `/v1/audit/events?targetId=${target}`)
  assert.deepEqual(
    (about.json['items'] as unknown as { position: number }[]).map((item) => item.position),
    [3],
  )
  assert.deepEqual(failure(await api.call('GET', '/v1/audit/events?action=none')), [400, 'request.invalid'])
})

test('audit.events.get answers 200 with the whole leaf, and 404 beyond the log', async (t) => {
  const api = await openApi(t)
  const answer = await api.call('GET', '/v1/audit/events/0')
  const [entry] = await api.world.store.reader.auditEntries(0, 1)
  assert.ok(entry)
  assert.deepEqual(answer.json['event'], JSON.parse(Buffer.from(entry.bytes).toString('utf8')))
  assert.equal(answer.json['leafHash'], hexEncode(leafHash(sha256, entry.bytes)))
  assert.deepEqual(failure(await api.call('GET', '/v1/audit/events/1')), [404, 'audit.position_not_found'])
})

test('the key, the checkpoint and the proofs that the API gives verify together', async (t) => {
  const api = await openApi(t)
  await grown(api, 20)
  const key = parseVerifierKey(sha256, (await api.call('GET', '/v1/audit/log/key')).text.trim())
  const note = await api.call('GET', '/v1/audit/log/checkpoint')
  assert.match(String(note.headers['content-type']), /^text\/plain/)
  const { size, root } = parseCheckpoint(openNote(note.text, [key], verifyEd25519).text)
  assert.equal(size, 21)
  for (const position of [0, 7, 20]) {
    const { status, json } = await api.call('GET', `/v1/audit/proofs/inclusion?position=${position}`)
    assert.deepEqual([status, json['size'], json['checkpoint']], [200, size, note.text])
    assert.ok(verifyInclusion(sha256, bytesOf(json['leafHash']), position, size, proofOf(json), root))
  }
  const { json } = await api.call('GET', `/v1/audit/proofs/consistency?from=1&to=${size}`)
  const [first] = await api.world.store.reader.auditEntries(0, 1)
  assert.ok(first)
  assert.ok(verifyConsistency(sha256, 1, size, proofOf(json), first.leafHash, root))
})

test('audit.log.tile answers 200 with bytes, and 404 for what is no tile of the log', async (t) => {
  const api = await openApi(t)
  await grown(api, 2)
  const tile = await api.call('GET', '/v1/audit/log/tile/0/000.p/3')
  assert.equal(tile.headers['content-type'], 'application/octet-stream')
  assert.equal(tile.headers['content-length'], '96')
  assert.equal((await api.call('GET', '/v1/audit/log/tile/entries/000.p/3')).status, 200)
  for (const path of ['0/000', '0/000.p/4', '1/000', 'x', '0/..', 'entries/001.p/1'])
    assert.deepEqual(
      failure(await api.call('GET', `/v1/audit/log/tile/${path}`)),
      [404, 'audit.tile_not_found'],
      path,
    )
})

test('the proofs answer 404 beyond the log, and 400 for what is no size', async (t) => {
  const api = await openApi(t)
  const ask = async (query: string) => failure(await api.call('GET', `/v1/audit/proofs/${query}`))
  for (const query of [
    'inclusion?position=1',
    'inclusion?position=0&size=2',
    'consistency?from=1&to=2',
    'consistency?from=2&to=1',
  ])
    assert.deepEqual(await ask(query), [404, 'audit.position_not_found'], query)
  for (const query of [
    'inclusion',
    'inclusion?position=-1',
    'inclusion?position=0&size=0',
    'consistency?from=0&to=1',
    'consistency?from=1',
    'consistency?from=1&to=x',
  ])
    assert.deepEqual(await ask(query), [400, 'request.invalid'], query)
})

test('audit.log.batch answers 200 with the lines of a batch, and 404 for an event that has none', async (t) => {
  const api = await openApi(t)
  const { position } = await saveProjects(api.world.store, 65)
  const answer = await api.call('GET', `/v1/audit/batches/${position}`)
  assert.equal(answer.status, 200)
  assert.equal(
    answer.text,
    Buffer.from((await api.world.store.reader.auditBatch(position ?? 0)) ?? []).toString(),
  )
  for (const other of [0, 99])
    assert.deepEqual(failure(await api.call('GET', `/v1/audit/batches/${other}`)), [
      404,
      'audit.batch_not_found',
    ])
})
