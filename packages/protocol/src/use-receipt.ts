// RFC 9162 section 2.1.3: proof of one use, from its record to a signed checkpoint, in one file
import { AuditEventError, parseAuditEvent } from './audit-event.ts'
import { base64Decode, base64Encode, base64UrlDecode } from './bytes.ts'
import type { Checkpoint } from './checkpoint.ts'
import { HASH_BYTES, type Sha256 } from './hash.ts'
import { leafHash, verifyInclusion } from './merkle.ts'
import { readUseBatch, USE_PAGE_RECORDS, type UseBatch, usePages } from './use-batch.ts'
import { readUse, type Use, USE_RECORD_BYTES } from './use-record.ts'

/** The whole of a receipt file, as JSON. Bytes are base64. */
export type UseReceipt = {
  readonly format: typeof FORMAT
  /** Which record of the page, from 0. */
  readonly record: number
  /** Up to 32 records: others than the one that is proven belong to other uses. */
  readonly page: string
  /** Which page of the batch, from 0, and the hashes from there to the root of the batch. */
  readonly pageIndex: number
  readonly pageProof: readonly string[]
  /** The leaf that names the root of the batch, its place in the log, and the hashes from there to the checkpoint. */
  readonly leaf: string
  readonly position: number
  readonly leafProof: readonly string[]
  /** The signed note. */
  readonly checkpoint: string
}

const FORMAT = 'keystead-use-receipt/v1'
/** A page and a leaf, a note, and at most 11 and 53 hashes: far below this. */
export const USE_RECEIPT_BYTES_MAX = 128 * 1024

/** A receipt of its parts. */
export function makeUseReceipt(parts: {
  readonly record: number
  readonly page: Uint8Array
  readonly pageIndex: number
  readonly pageProof: readonly Uint8Array[]
  readonly leaf: Uint8Array
  readonly position: number
  readonly leafProof: readonly Uint8Array[]
  readonly checkpoint: string
}): UseReceipt {
  return {
    format: FORMAT,
    record: parts.record,
    page: base64Encode(parts.page),
    pageIndex: parts.pageIndex,
    pageProof: parts.pageProof.map(base64Encode),
    leaf: base64Encode(parts.leaf),
    position: parts.position,
    leafProof: parts.leafProof.map(base64Encode),
    checkpoint: parts.checkpoint,
  }
}

/** The receipt in a text, or null when it has another form. Nothing of it is verified. */
export function parseUseReceipt(text: string): UseReceipt | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const members = value as Record<string, unknown>
  const names = Object.entries<(value: unknown) => boolean>(RULES)
  const isReceipt =
    Object.keys(members).length === names.length && names.every(([name, rule]) => rule(members[name]))
  return isReceipt ? (members as UseReceipt) : null
}

/**
 * The use that a receipt proves under `checkpoint`, whose signature the caller has verified; or why it proves nothing, as
 * half a sentence.
 */
export function verifyUseReceipt(
  sha256: Sha256,
  receipt: UseReceipt,
  checkpoint: Checkpoint,
): { readonly use: Use; readonly batch: UseBatch } | string {
  const page = base64Decode(receipt.page)
  const leaf = base64Decode(receipt.leaf)
  const pageProof = hashes(receipt.pageProof)
  const leafProof = hashes(receipt.leafProof)
  if (page === null || leaf === null || pageProof === null || leafProof === null)
    return 'holds something that is not base64'
  const { position, pageIndex, record } = receipt
  const { size, root } = checkpoint
  if (!verifyInclusion(sha256, leafHash(sha256, leaf), position, size, leafProof, root))
    return 'has a leaf that is not in the log of its checkpoint'
  const batch = batchIn(leaf)
  if (batch === null) return 'has a leaf that names no batch of uses'
  const pages = usePages(batch.count)
  const records = pageIndex < pages - 1 ? USE_PAGE_RECORDS : batch.count - pageIndex * USE_PAGE_RECORDS
  if (pageIndex >= pages || page.length !== records * USE_RECORD_BYTES)
    return 'has a page that is not one of the batch'
  const batchRoot = base64UrlDecode(batch.root)
  if (
    batchRoot === null ||
    !verifyInclusion(sha256, leafHash(sha256, page), pageIndex, pages, pageProof, batchRoot)
  )
    return 'has a page that is not in the batch'
  const use = readUse(page, record)
  return use === null ? 'names a record that the page does not have' : { use, batch }
}

function batchIn(leaf: Uint8Array): UseBatch | null {
  try {
    return readUseBatch(parseAuditEvent(leaf))
  } catch (error) {
    if (error instanceof AuditEventError) return null
    throw error
  }
}

function hashes(texts: readonly string[]): Uint8Array[] | null {
  const all = texts.map(base64Decode)
  return all.every((bytes) => bytes?.length === HASH_BYTES) ? (all as Uint8Array[]) : null
}

const RULES: { readonly [Name in keyof UseReceipt]: (value: unknown) => boolean } = {
  format: (value) => value === FORMAT,
  record: isIndex,
  page: isText,
  pageIndex: isIndex,
  pageProof: isTexts,
  leaf: isText,
  position: isIndex,
  leafProof: isTexts,
  checkpoint: isText,
}

function isIndex(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText)
}
