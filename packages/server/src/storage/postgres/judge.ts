import { type AuditTarget, EVENT_BYTES_MAX } from '@keystead/protocol/audit-event'
import { equalInConstantTime } from '@keystead/protocol/constant-time'
import { BATCH_BYTES_MAX, targetsOf } from '../batch.ts'
import { isAuthentic, rowText, type SealedCodec, type StoredRow } from '../rows.ts'
import type { Integrity } from '../store.ts'
import type { Queryable } from './driver.ts'

/**
 * What a stored row is, compared with the log: exactly what it last committed to, ahead of it by a change whose leaf
 * waits for its position, or something that nothing accounts for, in half a sentence.
 */
export type Verdict = 'current' | 'ahead' | { readonly what: string }

/** Leaves that wait at one time are those of the last milliseconds, or of a take-over: a few seconds. */
const PENDING_MAX = 10_000

const READ_PENDING = `
  SELECT leaf, CASE WHEN octet_length(batch) <= ${BATCH_BYTES_MAX} THEN batch END AS batch FROM audit_pending WHERE refused IS NULL AND octet_length(leaf) <= ${EVENT_BYTES_MAX} ORDER BY n LIMIT ${PENDING_MAX}`

/** A leaf that waits, with its batch. */
interface Waiting {
  readonly leaf: Uint8Array
  readonly batch: Uint8Array | null
}

/** Judges rows within one snapshot, which must be the one that they were read in. */
export class Judge {
  readonly #snapshot: Queryable
  readonly #integrity: Integrity
  #pending: Map<string, AuditTarget> | null = null

  constructor(snapshot: Queryable, integrity: Integrity) {
    this.#snapshot = snapshot
    this.#integrity = integrity
  }

  /** `version` is what the log says, undefined when it knows no such object; `target` the leaf's, where it is at hand. */
  async judge(
    codec: SealedCodec,
    row: StoredRow | undefined,
    version: number | undefined,
    target: AuditTarget | null,
  ): Promise<Verdict> {
    if (row === undefined) return version === undefined ? 'current' : { what: 'is missing' }
    if (!isAuthentic(codec, row, this.#integrity.rowMac)) return { what: 'does not match its MAC' }
    if (row.version === version) {
      return target === null || this.#isCommitted(target, codec, row)
        ? 'current'
        : { what: 'is not the one that was logged' }
    }
    if (row.version > (version ?? 0)) {
      const later = (await this.#waiting()).get(`${row.id}:${row.version}`)
      if (later !== undefined && this.#isCommitted(later, codec, row)) return 'ahead'
    }
    if (version === undefined) return { what: 'was never written by this server' }
    return { what: `is version ${row.version}, the log says ${version}` }
  }

  #isCommitted(target: AuditTarget, codec: SealedCodec, row: StoredRow): boolean {
    return equalInConstantTime(target.commitment, this.#integrity.commitment(target, rowText(codec, row)))
  }

  /** What the leaves that wait for a position lead to, by object and version. */
  async #waiting(): Promise<Map<string, AuditTarget>> {
    if (this.#pending !== null) return this.#pending
    const { rows } = await this.#snapshot.query({ name: 'read pending', text: READ_PENDING })
    this.#pending = new Map()
    for (const { leaf, batch } of rows as Waiting[]) {
      if (!this.#integrity.isOurs(leaf)) continue
      for (const target of targetsOf(leaf, batch) ?? [])
        this.#pending.set(`${target.id}:${target.version}`, target)
    }
    return this.#pending
  }
}
