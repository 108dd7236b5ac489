/** What every adapter of the store must do about the log; a part of contract.ts. */
import assert from 'node:assert/strict'
import { batchRoot } from '@keystead/protocol/audit-batches'
import { parseAuditEvent, parseAuditTarget } from '@keystead/protocol/audit-event'
import { Frontier, leafHash, peakPositions } from '@keystead/protocol/merkle'
import { sha256 } from '../hash.ts'
import type { Guarantee } from './contract.ts'
import { readsOneMoment } from './contract-snapshot.test-support.ts'
import { code, newProject, saveProject, saveProjects } from './contract.test-support.ts'

export function auditLog(guarantee: Guarantee): void {
  guarantee(
    'the head is the RFC 6962 tree over the leaves, and every complete subtree is stored',
    async ({ store }) => {
      const reference = new Frontier(sha256)
      for (let i = 0; i < 40; i++) {
        await saveProject(store, newProject(`p${i}`))
        const [entry] = await store.reader.auditEntries(i, 1)
        assert.ok(entry)
        assert.deepEqual(entry.leafHash, leafHash(sha256, entry.bytes))
        reference.append(entry.leafHash)
        assert.deepEqual(store.head(), { size: i + 1, root: reference.root() })
        for (const { level, index } of peakPositions(i + 1))
          assert.notEqual(await store.reader.auditNode(level, index), null)
      }
      assert.equal(await store.reader.auditNode(1, 20), null)
      assert.equal((await store.reader.auditNodes(1, 5, 100)).length, 15)
    },
  )

  guarantee('a leaf names 64 objects itself, and more in a batch whose root it has', async ({ store }) => {
    await saveProjects(store, 64)
    await saveProjects(store, 65)
    const [small, large] = await store.reader.auditEntries(0, 2)
    assert.ok(small && large)
    assert.equal(parseAuditEvent(small.bytes).targets.length, 64)
    assert.equal(await store.reader.auditBatch(0), null)
    const { targets, details } = parseAuditEvent(large.bytes)
    assert.deepEqual([targets.length, details['batchCount']], [0, 65])
    const batch = await store.reader.auditBatch(1)
    const lines = Buffer.from(batch ?? [])
      .toString('utf8')
      .split('\n')
      .map((line) => Buffer.from(line))
    assert.equal(details['batchRoot'], batchRoot(sha256, lines))
    for (const line of lines) {
      const { id } = parseAuditTarget(line)
      assert.deepEqual(await store.reader.auditPositions({ targetId: id, action: null }, -1, 2), [1])
      assert.equal((await store.reader.project(id))?.version, 1)
    }
    assert.deepEqual((await store.sweep()).refused, [])
  })

  guarantee('a snapshot is of one moment, whatever is changed while it is read', readsOneMoment)

  guarantee('the smallest checkpoint that covers a size is found', async ({ store }) => {
    for (const size of [3, 9]) await store.saveCheckpoint({ size, note: `note ${size}` })
    const covering = async (size: number) => (await store.reader.checkpointCovering(size))?.size
    assert.deepEqual(await Promise.all([1, 3, 4, 9, 10].map(covering)), [3, 3, 9, 9, undefined])
    assert.deepEqual({ ...(await store.reader.lastCheckpoint()) }, { size: 9, note: 'note 9' })
  })

  guarantee('a halted store refuses each change and says why, and still reads', async ({ store }) => {
    const project = newProject()
    await saveProject(store, project)
    store.halt('somebody touched it')
    await assert.rejects(saveProject(store, newProject()), (error: Error) => {
      code('audit.halted')(error)
      return error.message.includes('somebody touched it')
    })
    assert.deepEqual(await store.reader.project(project.id), project)
  })
}
