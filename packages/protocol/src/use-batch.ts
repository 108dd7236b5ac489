// RFC 6962 section 2.1: a batch of uses is a tree of its own, whose root a leaf of the log names
import { type AuditEvent, BYTES_32 } from './audit-event.ts'
import { base64UrlEncode } from './bytes.ts'
import type { Sha256 } from './hash.ts'
import { inclusionProof, leafHash, rootFromLeafHashes } from './merkle.ts'
import { USE_RECORD_BYTES } from './use-record.ts'

/**
 * The leaves of a batch's tree are pages of this many records, 4 KiB: to hash each record alone would cost more than the
 * accounting may. A use is proven by its page.
 */
export const USE_PAGE_RECORDS = 128
const PAGE_BYTES = USE_PAGE_RECORDS * USE_RECORD_BYTES
/** 2 MiB: one row of the database, one file of an export, about three seconds of a server at its limit. */
export const USE_BATCH_RECORDS_MAX = 65_536

/** What the leaf of a batch says of it (details of `use.recorded`). Times: epoch milliseconds. */
export type UseBatch = {
  /** The name of the process that has verified. */
  readonly emitter: string
  readonly boot: string
  /** From 1, without gaps, for each boot. */
  readonly batchNumber: number
  /** Of the first and the last record. */
  readonly from: number
  readonly to: number
  readonly count: number
  /** Uses since the batch before that were counted and not kept, since there was no room for them. */
  readonly dropped: number
  readonly pageRecords: typeof USE_PAGE_RECORDS
  /** 32 bytes, base64url: of the tree over the pages, and of all records together. */
  readonly root: string
  readonly bytesSha256: string
}

/** What the leaf of an orderly stop says (details of `use.closed`): what all batches of the boot add up to. */
export type UseClosing = {
  readonly boot: string
  readonly batches: number
  readonly records: number
  readonly dropped: number
}

/** Where an export keeps the records of a batch. */
export function usePath({ boot, batchNumber }: Pick<UseBatch, 'boot' | 'batchNumber'>): string {
  return `use/${boot}/${batchNumber}`
}

/** How many pages so many records fill. */
export function usePages(count: number): number {
  return Math.ceil(count / USE_PAGE_RECORDS)
}

/** Page `index` of a batch's records; the last one may be shorter. */
export function usePage(bytes: Uint8Array, index: number): Uint8Array {
  return bytes.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES)
}

/** The leaf hash of each page. */
export function usePageHashes(sha256: Sha256, bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: usePages(bytes.length / USE_RECORD_BYTES) }, (_, at) =>
    leafHash(sha256, usePage(bytes, at)),
  )
}

/** Root and hash of a batch's records, as its leaf names them; `pageHashes` spares them a second time. */
export function useDigests(
  sha256: Sha256,
  bytes: Uint8Array,
  pageHashes: readonly Uint8Array[] = usePageHashes(sha256, bytes),
): Pick<UseBatch, 'root' | 'bytesSha256'> {
  return {
    root: base64UrlEncode(rootFromLeafHashes(sha256, pageHashes)),
    bytesSha256: base64UrlEncode(sha256(bytes)),
  }
}

/** The hashes that lead from page `index` to the root of the batch. RangeError when there is no such page. */
export function proveUsePage(sha256: Sha256, bytes: Uint8Array, index: number): Uint8Array[] {
  const hashes = usePageHashes(sha256, bytes)
  return inclusionProof(sha256, index, hashes.length, (level, at) =>
    rootFromLeafHashes(sha256, hashes.slice(at * 2 ** level, (at + 1) * 2 ** level)),
  )
}

/** Why records are not those that a leaf names, as half a sentence; null when they are. */
export function wrongWithUse(sha256: Sha256, batch: UseBatch, bytes: Uint8Array): string | null {
  if (bytes.length !== batch.count * USE_RECORD_BYTES)
    return `has ${bytes.length} bytes instead of ${batch.count} records`
  const { root, bytesSha256 } = useDigests(sha256, bytes)
  if (root !== batch.root) return 'has another root than the leaf names'
  return bytesSha256 === batch.bytesSha256 ? null : 'has another hash than the leaf names'
}

/** The batch that an event records; null for other events and for details that are not exactly those of a batch. */
export function readUseBatch(event: AuditEvent): UseBatch | null {
  return event.action === 'use.recorded' && isExactly(event.details, BATCH_RULES)
    ? (event.details as UseBatch)
    : null
}

/** The end of a boot that an event records; null for other events and for details that are not exactly those. */
export function readUseClosing(event: AuditEvent): UseClosing | null {
  return event.action === 'use.closed' && isExactly(event.details, CLOSING_RULES)
    ? (event.details as UseClosing)
    : null
}

type Rules<Details> = { readonly [Name in keyof Details]: (value: unknown) => boolean }

const BATCH_RULES: Rules<UseBatch> = {
  emitter: isText,
  boot: isText,
  batchNumber: (value) => isCount(value) && Number(value) >= 1,
  from: isCount,
  to: isCount,
  count: (value) => isCount(value) && Number(value) >= 1 && Number(value) <= USE_BATCH_RECORDS_MAX,
  dropped: isCount,
  pageRecords: (value) => value === USE_PAGE_RECORDS,
  root: isHash,
  bytesSha256: isHash,
}

const CLOSING_RULES: Rules<UseClosing> = {
  boot: isText,
  batches: isCount,
  records: isCount,
  dropped: isCount,
}

function isExactly<Details>(value: AuditEvent['details'], rules: Rules<Details>): boolean {
  const names = Object.entries<(value: unknown) => boolean>(rules)
  return Object.keys(value).length === names.length && names.every(([name, rule]) => rule(value[name]))
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && BYTES_32.test(value)
}
