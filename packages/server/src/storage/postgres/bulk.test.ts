// Bulk operations on PostgreSQL: several processes, one database.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { continueBulkOperations } from '../../keys/bulk/advance.ts'
import { type BulkRequest, startBulk } from '../../keys/bulk/start.ts'
import { undoBulkOperation } from '../../keys/bulk/undo.ts'
import { aKey, anOwner } from '../../keys/keys.test-support.ts'
import { may, temporaryFolder } from '../../world.test-support.ts'
import { temporaryDatabase } from './database.test-support.ts'
import { eventually, type Node, openNode } from './nodes.test-support.ts'

const KEYS = 130
const MINUTES_10 = 600_000

test('a bulk revocation that two processes go on with takes every key once, and each of them refuses all', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const [a, b] = [await openNode(t, url, folder), await openNode(t, url, folder)]
  const ownerId = (await anOwner(a)).id
  const keys = await Promise.all(Array.from({ length: KEYS }, async () => aKey(a, { ownerId })))
  const request: Omit<BulkRequest, 'dryRun'> = {
    projectId: a.projectId,
    environment: 'production',
    action: 'revoke',
    query: { ownerIds: [ownerId] },
    parameters: {},
    undoSeconds: 600,
  }
  const by = may('keys:bulk')
  const { preview } = await startBulk(a.domain, by, { ...request, dryRun: true })
  const confirmed = { ...request, dryRun: false, confirm: preview.confirm }
  const [{ operation }] = await Promise.all([
    startBulk(a.domain, by, confirmed),
    eventually(async () => !(await continueBulkOperations(b.domain))),
  ])
  await eventually(async () => (await a.store.reader.dueBulkOperations(a.clock.now, 1)).length === 0)
  const allAre = (node: Node, code: string): boolean =>
    keys.every(({ secret }) => node.ask(secret.reveal()).code === code)
  // Who committed a chunk last refuses its keys at once, the other as soon as it has followed the log.
  for (const node of [a, b]) await eventually(() => allAre(node, 'SUSPENDED'))
  for (const node of [a, b]) node.clock.advance(MINUTES_10)
  await Promise.all([continueBulkOperations(a.domain), continueBulkOperations(b.domain)])
  const id = operation?.id ?? ''
  await eventually(async () => (await a.store.reader.bulkOperation(id))?.phase === 'done')
  const done = await a.store.reader.bulkOperation(id)
  assert.deepEqual([done?.changed, done?.skipped, done?.settled, done?.kept], [KEYS, 0, KEYS, 0])
  for (const node of [a, b]) await eventually(() => allAre(node, 'REVOKED'))
  assert.deepEqual([a.refused, b.refused], [[], []])
})

test('what one process has begun another can undo, and what a caller touched is found in both', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const folder = temporaryFolder(t)
  const [a, b] = [await openNode(t, url, folder), await openNode(t, url, folder)]
  const { key, secret } = await aKey(a)
  const [position] = await a.store.reader.auditPositions({ targetId: key.id, action: 'key.created' }, -1, 1)
  const [entry] = await a.store.reader.auditEntries(position ?? 0, 1)
  const leaf = JSON.parse(Buffer.from(entry?.bytes ?? []).toString()) as { actor: { id: string } }
  await eventually(() => b.store.head().size === a.store.head().size)
  const { operation } = await startBulk(b.domain, may('keys:bulk'), {
    ...{ projectId: a.projectId, action: 'suspend', query: { touchedBy: leaf.actor.id } },
    ...{ parameters: {}, undoSeconds: 600, dryRun: false },
  })
  assert.equal(operation?.changed, 1)
  await eventually(() => a.ask(secret.reveal()).code === 'SUSPENDED')
  await undoBulkOperation(a.domain, may('bulk-operations:undo'), operation.id)
  assert.equal(a.ask(secret.reveal()).code, 'VALID')
})
