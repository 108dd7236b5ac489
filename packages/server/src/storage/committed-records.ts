import type { RowVersions } from './row-versions.ts'

/** Projects and owners that are issued to again and again; beyond it the database answers, which costs time only. */
const RECORDS_MAX = 10_000

/**
 * Records that have been read and found authentic, by id and version. What is committed at a version never changes, and
 * the committed version of every row is known (RowVersions), so a record of that version needs no second look.
 */
export class CommittedRecords {
  readonly #committed: RowVersions
  readonly #records = new Map<string, { readonly version: number; readonly record: unknown }>()

  constructor(committed: RowVersions) {
    this.#committed = committed
  }

  /** The record of this id, if it is here and of this version. The id's prefix says what type it has. */
  find(id: string, version: number): unknown {
    const known = this.#records.get(id)
    return known?.version === version && this.#committed.versionOf(id) === version ? known.record : undefined
  }

  /** Keeps an authentic record, unless its version is only a draft so far. */
  keep(id: string, version: number, record: unknown): void {
    if (this.#committed.versionOf(id) !== version) return
    if (this.#records.size >= RECORDS_MAX) this.#records.clear()
    this.#records.set(id, { version, record })
  }
}
