import type { AuditTarget } from '@keystead/protocol/audit-event'
import { leafHash } from '@keystead/protocol/merkle'
import { sha256 } from '../hash.ts'
import { nameTargets } from './batch.ts'
import type { Integrity, Provenance, RecordedEvent } from './store.ts'

/** What is stored of one entry of the log, but its place. */
export interface NewLeaf {
  readonly bytes: Uint8Array
  /** RFC 6962 section 2.1, 32 bytes. */
  readonly hash: Uint8Array
  /** What it changed, where it does not say so itself (batch.ts). */
  readonly batch: Uint8Array | null
}

/** The leaf for what a transaction has recorded and changed. */
export function newLeaf(
  integrity: Pick<Integrity, 'leaf'>,
  provenance: Provenance,
  event: RecordedEvent,
  targets: readonly AuditTarget[],
): NewLeaf {
  const { inLeaf, details, batch } = nameTargets(targets)
  const bytes = integrity.leaf(provenance, { ...event, details: { ...event.details, ...details } }, inLeaf)
  return { bytes, hash: leafHash(sha256, bytes), batch }
}
