/** What every adapter of the store must do about the use of keys; a part of contract.ts. */
import assert from 'node:assert/strict'
import type { Guarantee } from './contract.ts'
import { newEmitter, newSegment, PROVENANCE, saveSegment } from './contract.test-support.ts'

export function useRecords(guarantee: Guarantee): void {
  guarantee('a batch of uses is there with its leaf, and is found by it', async ({ store }) => {
    const emitter = newEmitter()
    const { position } = await saveSegment(store, emitter)
    const { reader } = store
    assert.deepEqual(await reader.useEmitter(emitter.id), emitter)
    const segment = await reader.useSegment(emitter.id, 1)
    assert.ok(segment)
    const { bytes, ...head } = segment
    assert.deepEqual(Buffer.from(bytes), Buffer.from(newSegment(emitter, 1).bytes))
    assert.deepEqual(await reader.useSegmentsBetween(head.to, head.to, 10), [head])
    assert.deepEqual(await reader.useSegmentsBetween(head.to + 1, head.to + 9, 10), [])
    assert.deepEqual(await reader.useSegmentsDropped(0, head.to, 10), [head])
    assert.deepEqual(await reader.useEmittersUntil(emitter.createdAt, 10), [emitter])
    assert.deepEqual(await reader.usesWaiting(), { records: head.count, oldestAt: head.to })
    const filter = { targetId: `${emitter.id}_1`, action: 'use.recorded' }
    assert.deepEqual(await reader.auditPositions(filter, -1, 10), [position])
  })

  guarantee('records without their event refuse to commit', async ({ store }) => {
    const saved = store.transact(PROVENANCE, async (tx) => tx.saveUseSegment(newSegment(newEmitter(), 1)))
    await assert.rejects(saved, assert.AssertionError)
  })

  guarantee(
    'what is being added up stays the same until its last sum, and each sum is added once',
    async ({ store }) => {
      const emitter = newEmitter()
      await saveSegment(store, emitter)
      const rollUp = await store.claimUses(10)
      assert.deepEqual(rollUp, { segments: [{ boot: emitter.id, batchNumber: 1 }], done: 0 })
      await saveSegment(store, newEmitter())
      assert.deepEqual(await store.claimUses(10), rollUp)
      const count = {
        ...({ subject: 'key_a', environment: 'production', period: 'minute' } as const),
        ...({ startAt: 60_000, code: 'VALID', count: 2 } as const),
      }
      const some = { uses: [], counts: [count], isLast: false }
      assert.equal(await store.addUses(rollUp, some), true)
      assert.equal(await store.addUses(rollUp, some), false)
      const next = await store.claimUses(10)
      assert.deepEqual(next, { ...rollUp, done: 1 })
      assert.equal(await store.addUses(next, { ...some, isLast: true }), true)
      const filter = { subject: 'key_a', environment: null, period: 'minute', startAts: [0, 60_000] } as const
      assert.deepEqual(await store.reader.useCounts(filter), [{ ...count, count: 4 }])
      assert.deepEqual(await store.reader.useCounts({ ...filter, startAts: [0, 120_000] }), [])
      assert.deepEqual(await store.reader.useCounts({ ...filter, startAts: [] }), [])
      assert.deepEqual(await store.reader.useCounts({ ...filter, subject: 'key_b' }), [])
      assert.deepEqual(await store.reader.useCounts({ ...filter, period: 'hour' }), [])
      assert.deepEqual(await store.reader.useCounts({ ...filter, environment: 'staging' }), [])
      assert.notDeepEqual((await store.claimUses(10))?.segments, rollUp.segments)
    },
  )

  guarantee('only records that are counted are forgotten, and not more than asked', async ({ store }) => {
    const { to } = newSegment(newEmitter(), 1)
    for (let i = 0; i < 3; i++) await saveSegment(store, newEmitter())
    assert.equal(await store.forgetUses('segments', to + 1, 10), 0)
    const rollUp = await store.claimUses(10)
    assert.ok(rollUp)
    const counts = (['minute', 'hour'] as const).map((period) => ({
      ...({ subject: 'key_a', environment: null, period, startAt: 0, code: 'VALID', count: 1 } as const),
    }))
    await store.addUses(rollUp, { uses: [], counts, isLast: true })
    assert.equal(await store.forgetUses('segments', to, 10), 0)
    assert.equal(await store.forgetUses('segments', to + 1, 2), 2)
    assert.equal(await store.forgetUses('segments', to + 1, 2), 1)
    assert.equal(await store.forgetUses('minute', 1, 10), 1)
    const filter = { subject: 'key_a', environment: null, period: 'hour', startAts: [0] } as const
    assert.equal((await store.reader.useCounts(filter)).length, 1)
  })
}
