import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalEvent } from './audit-event.ts'
import { base64Encode } from './bytes.ts'
import type { Checkpoint } from './checkpoint.ts'
import { inclusionProof, leafHash, rootFromLeafHashes } from './merkle.ts'
import { sha256 } from './node-crypto.test-support.ts'
import { sampleEvent, sampleLeaves, target, ulid } from './sample-log.test-support.ts'
import { proveUsePage, USE_PAGE_RECORDS, type UseBatch, useDigests, usePage } from './use-batch.ts'
import { makeUseReceipt, parseUseReceipt, type UseReceipt, verifyUseReceipt } from './use-receipt.ts'
import { UseWriter } from './use-record.ts'

const BOOT = `boot_${ulid(0)}`
const KEY = `key_${ulid(3)}`
const COUNT = 2 * USE_PAGE_RECORDS - 10
const USE = USE_PAGE_RECORDS + 8
const POSITION = 5

/** A log with one batch of uses, and the receipt of one of its second page. */
function sample(): { readonly receipt: UseReceipt; readonly checkpoint: Checkpoint } {
  const writer = new UseWriter(COUNT)
  for (let at = 0; at < COUNT; at++) writer.add(1_000 + at, KEY, 1, 'VALID', false)
  const { bytes } = writer
  const details: UseBatch = {
    ...{
      emitter: 'api-1',
      boot: BOOT,
      batchNumber: 1,
      from: 1_000,
      to: 1_000 + COUNT - 1,
      count: COUNT,
      dropped: 0,
    },
    pageRecords: USE_PAGE_RECORDS,
    ...useDigests(sha256, bytes),
  }
  const targets = [target('use_emitter', BOOT, 1)]
  const leaf = canonicalEvent({ ...sampleEvent(POSITION), action: 'use.recorded', targets, details })
  const leaves = [...sampleLeaves(POSITION), leaf, ...sampleLeaves(8).slice(6)]
  const hashes = leaves.map((each) => leafHash(sha256, each))
  const node = (level: number, index: number) =>
    rootFromLeafHashes(sha256, hashes.slice(index * 2 ** level, (index + 1) * 2 ** level))
  const checkpoint = {
    origin: 'keystead/test',
    size: leaves.length,
    root: rootFromLeafHashes(sha256, hashes),
  }
  const receipt = makeUseReceipt({
    record: USE % USE_PAGE_RECORDS,
    page: usePage(bytes, 1),
    pageIndex: 1,
    pageProof: proveUsePage(sha256, bytes, 1),
    leaf,
    position: POSITION,
    leafProof: inclusionProof(sha256, POSITION, leaves.length, node),
    checkpoint: 'note',
  })
  return { receipt, checkpoint }
}

test('a receipt proves its use, and comes back from its text as it was', () => {
  const { receipt, checkpoint } = sample()
  assert.deepEqual(parseUseReceipt(JSON.stringify(receipt)), receipt)
  const proven = verifyUseReceipt(sha256, receipt, checkpoint)
  assert.ok(typeof proven !== 'string', JSON.stringify(proven))
  assert.deepEqual(proven.use, {
    at: 1_000 + USE,
    keyId: KEY,
    versionNumber: 1,
    code: 'VALID',
    asCaller: false,
    repeats: 0,
  })
})

test('a receipt that was changed anywhere proves nothing', () => {
  const { receipt, checkpoint } = sample()
  const flipped = (text: string, at: number): string => {
    const bytes = Buffer.from(text, 'base64')
    bytes[at] = (bytes[at] ?? 0) ^ 1
    return base64Encode(bytes)
  }
  const hash = base64Encode(new Uint8Array(32))
  const changed: Readonly<Record<string, Partial<UseReceipt>>> = {
    'a byte of the record': { page: flipped(receipt.page, 8 * 32 + 5) },
    'a byte of another record': { page: flipped(receipt.page, 5) },
    'a record less': { page: base64Encode(Buffer.from(receipt.page, 'base64').subarray(32)) },
    'a record of no page': { record: USE_PAGE_RECORDS },
    'another page': { pageIndex: 0 },
    'no page of the batch': { pageIndex: 3 },
    'a hash of the page’s proof': { pageProof: receipt.pageProof.with(0, hash) },
    'a hash too many': { pageProof: [...receipt.pageProof, hash] },
    'a byte of the leaf': { leaf: flipped(receipt.leaf, 100) },
    'another position': { position: POSITION + 1 },
    'a hash of the leaf’s proof': { leafProof: receipt.leafProof.with(0, hash) },
    'no base64': { page: '*' },
    'a short hash': { leafProof: receipt.leafProof.with(0, 'AAAA') },
  }
  for (const [what, part] of Object.entries(changed))
    assert.equal(typeof verifyUseReceipt(sha256, { ...receipt, ...part }, checkpoint), 'string', what)
  const root = Uint8Array.from(checkpoint.root).with(0, 1)
  assert.equal(typeof verifyUseReceipt(sha256, receipt, { ...checkpoint, root }), 'string')
  assert.equal(
    typeof verifyUseReceipt(sha256, receipt, { ...checkpoint, size: checkpoint.size + 1 }),
    'string',
  )
})

test('a text of another form is no receipt', () => {
  const { receipt } = sample()
  const { record, ...rest } = receipt
  for (const value of [
    null,
    [],
    'x',
    {},
    rest,
    { ...receipt, more: 1 },
    { ...receipt, record: -1 },
    { ...receipt, record: String(record) },
    { ...receipt, format: 'v2' },
    { ...receipt, leafProof: [1] },
  ])
    assert.equal(parseUseReceipt(JSON.stringify(value)), null, JSON.stringify(value))
  assert.equal(parseUseReceipt('{'), null)
})
