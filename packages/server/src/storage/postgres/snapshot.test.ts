// T-25 where others change the same database: a process goes on from its own snapshot and from what it has missed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aKey } from '../../keys/keys.test-support.ts'
import { revokeKey } from '../../keys/revoke.ts'
import { closeOnce, may, temporaryFolder } from '../../world.test-support.ts'
import { event, PROVENANCE } from '../contract.test-support.ts'
import { asSuperuser, temporaryDatabase } from './database.test-support.ts'
import { eventually, openNode } from './nodes.test-support.ts'

test('a process that starts from its snapshot knows what others have changed since', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const [folder, dataDir] = [temporaryFolder(t), temporaryFolder(t)]
  const a = await openNode(t, url, folder)
  const b = await openNode(t, url, folder, { dataDir })
  const [revoked, kept] = [await aKey(b), await aKey(a)]
  await eventually(() => b.store.head().size === a.store.head().size)
  await b.keeper.save()
  assert.ok(b.logLines.some((line) => line.includes('snapshot.written')))
  await closeOnce(b.store)
  await revokeKey(a.domain, may('keys:revoke'), 'issued', revoked.key.id, 'keyCompromise')
  const later = await aKey(a)
  const again = await openNode(t, url, folder, { dataDir })
  assert.ok(again.logLines.some((line) => line.includes('snapshot.used')))
  assert.equal(again.ask(revoked.secret.reveal()).code, 'REVOKED')
  for (const { secret } of [kept, later]) assert.equal(again.ask(secret.reveal()).code, 'VALID')
  assert.deepEqual(again.store.head(), a.store.head())
  const { key, secret } = await aKey(again)
  await revokeKey(again.domain, may('keys:revoke'), 'issued', key.id, 'unspecified')
  assert.equal(again.ask(secret.reveal()).code, 'REVOKED')
  assert.deepEqual((await again.store.sweep()).refused, [])
})

test('a copy of a leaf from before the snapshot gets no second place in the log', async (t) => {
  const url = await temporaryDatabase(t)
  if (url === null) return
  const [folder, dataDir] = [temporaryFolder(t), temporaryFolder(t)]
  const first = await openNode(t, url, folder, { dataDir })
  await first.store.transact(PROVENANCE, async (tx) => tx.record(event('integrity.alarm')))
  const { size } = first.store.head()
  await first.keeper.save()
  await closeOnce(first.store)
  await asSuperuser(
    url,
    `INSERT INTO audit_pending (leaf, leaf_hash, action) SELECT leaf, leaf_hash, action FROM audit_entry WHERE position = ${size - 1}`,
  )
  const again = await openNode(t, url, folder, { dataDir })
  assert.ok(again.logLines.some((line) => line.includes('snapshot.used')))
  await eventually(() => again.refused.length > 0)
  assert.deepEqual(
    again.refused.map(({ table, what }) => [table, what]),
    [['audit_pending', 'is a copy of one in the log']],
  )
  assert.equal(again.store.head().size, size)
})
