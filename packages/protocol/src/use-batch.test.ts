import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { base64UrlDecode } from './bytes.ts'
import { leafHash, verifyInclusion } from './merkle.ts'
import { sha256 } from './node-crypto.test-support.ts'
import {
  proveUsePage,
  USE_PAGE_RECORDS,
  type UseBatch,
  useDigests,
  usePage,
  usePages,
  wrongWithUse,
} from './use-batch.ts'
import { USE_RECORD_BYTES, UseWriter } from './use-record.ts'

function records(count: number): Uint8Array {
  const writer = new UseWriter(Math.max(1, count))
  for (let i = 0; i < count; i++) writer.add(1_795_305_600_000 + i, null, 0, 'NOT_FOUND', false)
  return writer.bytes
}

function batchOf(bytes: Uint8Array): UseBatch {
  const about = {
    emitter: 'test',
    boot: `boot_${'0'.repeat(26)}`,
    batchNumber: 1,
    from: 0,
    to: 0,
    dropped: 0,
  }
  const count = bytes.length / USE_RECORD_BYTES
  return { ...about, count, pageRecords: USE_PAGE_RECORDS, ...useDigests(sha256, bytes) }
}

test('every page of every batch is proven under the root that the leaf names', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), fc.nat(), (count, any) => {
      const bytes = records(count)
      const pages = usePages(count)
      const index = any % pages
      const proof = proveUsePage(sha256, bytes, index)
      const root = base64UrlDecode(useDigests(sha256, bytes).root)
      assert.ok(root)
      const page = usePage(bytes, index)
      assert.ok(verifyInclusion(sha256, leafHash(sha256, page), index, pages, proof, root))
      const changed = Uint8Array.from(page)
      changed[0] = 255
      assert.ok(!verifyInclusion(sha256, leafHash(sha256, changed), index, pages, proof, root))
    }),
    { numRuns: 50 },
  )
})

test('a record that is changed, moved, added or taken away is not what the leaf names', () => {
  const bytes = records(100)
  const batch = batchOf(bytes)
  const size = USE_RECORD_BYTES
  assert.equal(wrongWithUse(sha256, batch, bytes), null)
  const changed = Uint8Array.from(bytes)
  changed[5] = (changed[5] ?? 0) ^ 1
  const moved = Uint8Array.from(bytes)
  moved.set(bytes.subarray(0, size), size)
  moved.set(bytes.subarray(size, 2 * size), 0)
  const forged = {
    changed: changed,
    moved: moved,
    shorter: bytes.subarray(size),
    longer: records(101),
    none: records(0),
  }
  for (const [name, each] of Object.entries(forged))
    assert.notEqual(wrongWithUse(sha256, batch, each), null, name)
  assert.notEqual(wrongWithUse(sha256, { ...batch, count: 99 }, bytes.subarray(0, 99 * size)), null)
})
