// RFC 6962 section 2.1 (the root over a batch), RFC 8785 (its lines)
import assert from 'node:assert'
import { batchRoot } from '@keystead/protocol/audit-batches'
import { type AuditTarget, TARGETS_MAX } from '@keystead/protocol/audit-event'
import { utf8Decode, utf8Encode } from '@keystead/protocol/bytes'
import { canonicalJson } from '@keystead/protocol/canonical-json'
import { sha256 } from '../hash.ts'

/** An import of 1,000 keys with an owner each changes 2,000 objects, in lines of less than 200 bytes. */
export const BATCH_BYTES_MAX = 1024 * 1024

/** How a leaf names what its transaction changed. */
export interface NamedTargets {
  /** What the leaf names itself: all, or none when there is a batch. */
  readonly inLeaf: readonly AuditTarget[]
  /** What the leaf says of its batch. */
  readonly details: { readonly batchCount?: number; readonly batchRoot?: string }
  /** One canonical line for each target; null where the leaf names them all. */
  readonly batch: Uint8Array | null
}

/**
 * Puts targets into the leaf while it can name them, and all of them into a batch otherwise. An assertion failure beyond
 * BATCH_BYTES_MAX: who writes so much must split it.
 */
export function nameTargets(targets: readonly AuditTarget[]): NamedTargets {
  if (targets.length <= TARGETS_MAX) return { inLeaf: targets, details: {}, batch: null }
  const lines = targets.map((target) => canonicalJson(target))
  const batch = utf8Encode(lines.join('\n'))
  assert(batch.length <= BATCH_BYTES_MAX, 'a transaction changed more than one batch can hold')
  const details = { batchCount: lines.length, batchRoot: batchRoot(sha256, lines.map(utf8Encode)) }
  return { inLeaf: [], details, batch }
}

/** The batch of an entry: read only where its leaf may name one. */
export async function batchOf(
  { position, bytes }: { readonly position: number; readonly bytes: Uint8Array },
  read: (position: number) => Promise<Uint8Array | null>,
): Promise<Uint8Array | null> {
  return mayHaveBatch(bytes) ? read(position) : null
}

/** Whether these bytes may name a batch: false is certain. */
export function mayHaveBatch(leaf: Uint8Array): boolean {
  return Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).includes('"batchRoot":')
}

/**
 * Everything that a leaf changed, itself and through its batch; null when `batch` is not the one that it names. For
 * leaves whose MAC holds: they and their lines have been checked in full when they were written.
 */
export function targetsOf(leaf: Uint8Array, batch: Uint8Array | null): readonly AuditTarget[] | null {
  const { targets, details } = JSON.parse(utf8Decode(leaf) ?? '') as {
    readonly targets: readonly AuditTarget[]
    readonly details: NamedTargets['details']
  }
  if (details.batchRoot === undefined) return batch === null ? targets : null
  const text = batch === null || batch.length > BATCH_BYTES_MAX ? null : utf8Decode(batch)
  if (text === null) return null
  const lines = text.split('\n')
  if (lines.length !== details.batchCount) return null
  if (batchRoot(sha256, lines.map(utf8Encode)) !== details.batchRoot) return null
  return [...targets, ...lines.map((line) => JSON.parse(line) as AuditTarget)]
}
