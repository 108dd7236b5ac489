import { parseAuditEvent } from '@keystead/protocol/audit-event'
import {
  proveUsePage,
  readUseBatch,
  USE_PAGE_RECORDS,
  usePage,
  wrongWithUse,
} from '@keystead/protocol/use-batch'
import { makeUseReceipt, type UseReceipt } from '@keystead/protocol/use-receipt'
import { readUse } from '@keystead/protocol/use-record'
import { type Authorized, requireUnbound } from '../access/authorize.ts'
import { proveInclusion } from '../audit/prove.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import { sha256 } from '../hash.ts'
import type { SignedCheckpoint, UseSegment } from '../storage/records.ts'
import type { UseSegmentHead } from '../storage/store.ts'

/** Clocks and patience of people: the use that is meant is the first one within this after the time that they name. */
const WITHIN_MS = 60_000
/** A busy server fills a batch in three seconds: so many cover a minute of it. */
const SEGMENTS_MAX = 24

/**
 * Proof of the first use of a key at or after `at` (epoch ms), within a minute: its page of records, the path to the
 * root of its batch, the leaf that names that root, and the leaf's path to `checkpoint`. `usage.not_found` when there is
 * no such use, its records are not kept any more, or no checkpoint covers its leaf yet; `storage.integrity` when the
 * records are not those that the leaf names.
 */
export async function proveUse(
  { store }: Pick<Domain, 'store'>,
  by: Authorized<'audit:read'>,
  checkpoint: SignedCheckpoint | null,
  { keyId, at }: { readonly keyId: string; readonly at: number },
): Promise<UseReceipt> {
  requireUnbound(by)
  const found = await findUse(store, keyId, at)
  const position = found === null ? undefined : await positionOf(store, found.segment)
  if (found === null || position === undefined || checkpoint === null || position >= checkpoint.size)
    throw new DomainError('usage.not_found')
  const { segment, index } = found
  const [entry] = await store.reader.auditEntries(position, 1)
  const batch = entry === undefined ? null : readUseBatch(parseAuditEvent(entry.bytes))
  if (entry === undefined || batch === null || wrongWithUse(sha256, batch, segment.bytes) !== null)
    throw new DomainError('storage.integrity')
  const pageIndex = Math.floor(index / USE_PAGE_RECORDS)
  return makeUseReceipt({
    record: index % USE_PAGE_RECORDS,
    page: usePage(segment.bytes, pageIndex),
    pageIndex,
    pageProof: proveUsePage(sha256, segment.bytes, pageIndex),
    leaf: entry.bytes,
    position,
    leafProof: (await proveInclusion(store.reader, position, checkpoint.size)).proof,
    checkpoint: checkpoint.note,
  })
}

async function findUse(
  store: Domain['store'],
  keyId: string,
  at: number,
): Promise<{ readonly segment: UseSegment; readonly index: number } | null> {
  const heads = await store.reader.useSegmentsBetween(at, at + WITHIN_MS, SEGMENTS_MAX)
  let best: { readonly segment: UseSegment; readonly index: number; readonly at: number } | null = null
  for (const { boot, batchNumber, from } of heads) {
    if (best !== null && from > best.at) continue
    const segment = await store.reader.useSegment(boot, batchNumber)
    if (segment === null) continue
    for (let index = 0; index < segment.count; index++) {
      const use = readUse(segment.bytes, index)
      if (use?.keyId !== keyId || use.at < at || use.at > at + WITHIN_MS) continue
      if (best === null || use.at < best.at) best = { segment, index, at: use.at }
    }
  }
  return best
}

async function positionOf(
  { reader }: Domain['store'],
  { boot, batchNumber }: UseSegmentHead,
): Promise<number | undefined> {
  const filter = { targetId: `${boot}_${batchNumber}`, action: 'use.recorded' }
  return (await reader.auditPositions(filter, -1, 1))[0]
}
