import { setImmediate as nextTurn } from 'node:timers/promises'
import { equalInConstantTime } from '@keystead/protocol/constant-time'
import type { DomainError } from '../errors.ts'
import { type Codec, RefusedRowError, type StoredRow, wrongWith } from './rows.ts'
import type { Integrity, RefusedRow } from './store.ts'

/**
 * A commit that comes between the moment a row was read and the moment it is looked at makes it look old. The same row
 * does not meet that three times in a row.
 */
const READS_MAX = 3

/** Whether a row that seemed wrong after so many reads is worth another; resolves when it is time to read. */
export type LookAgain = (refused: RefusedRow, reads: number) => Promise<boolean>

const inTheNextTurn: LookAgain = async (_, reads) => {
  await nextTurn()
  return reads < READS_MAX
}

/** Reads rows and opens them as records, each only if it is exactly what was committed last (T-05, T-07). */
export class RowReader {
  readonly #rowMac: Integrity['rowMac']
  readonly #versionOf: (id: string) => number | undefined
  readonly #onRefused: (row: RefusedRow) => void
  readonly #lookAgain: LookAgain

  /** `lookAgain` is asked about a row that seems wrong before it is read again. */
  constructor(
    rowMac: Integrity['rowMac'],
    versionOf: (id: string) => number | undefined,
    onRefused: (row: RefusedRow) => void,
    lookAgain: LookAgain = inTheNextTurn,
  ) {
    this.#lookAgain = lookAgain
    this.#rowMac = rowMac
    this.#versionOf = versionOf
    this.#onRefused = onRefused
  }

  /**
   * The records of the rows that `query` finds. DomainError `storage.integrity`, reported as refused, when one of them
   * is not what was committed last.
   */
  async all<Row extends StoredRow, Record>(
    codec: Codec<Row, Record>,
    query: () => Promise<readonly Row[]>,
  ): Promise<readonly Record[]> {
    for (let reads = 1; ; reads++) {
      const rows = await query()
      const wrong = rows.map((row) => this.#refusal(codec, row, row.id)).find((refused) => refused !== null)
      if (wrong === undefined) return rows.map((row) => codec.fromRow(row))
      if (!(await this.#lookAgain(wrong, reads))) throw this.refused(wrong)
    }
  }

  /** As `all`, for the one row that was asked for by `id`; null when there is none. */
  async one<Row extends StoredRow, Record>(
    codec: Codec<Row, Record>,
    id: string,
    query: () => Promise<Row | undefined>,
  ): Promise<Record | null> {
    for (let reads = 1; ; reads++) {
      const row = await query()
      if (row === undefined) return null
      const wrong = this.#refusal(codec, row, id)
      if (wrong === null) return codec.fromRow(row)
      if (!(await this.#lookAgain(wrong, reads))) throw this.refused(wrong)
    }
  }

  /**
   * As `all`, but rows that are not what was committed last are left out, reported as refused, and counted: for a walk
   * over many rows that one of them must not end.
   */
  async some<Row extends StoredRow, Record>(
    codec: Codec<Row, Record>,
    query: () => Promise<readonly Row[]>,
  ): Promise<{
    readonly records: readonly Record[]
    readonly refused: number
    readonly ids: readonly string[]
  }> {
    for (let reads = 1; ; reads++) {
      const rows = await query()
      const wrong = rows.map((row) => this.#refusal(codec, row, row.id)).filter((refused) => refused !== null)
      // Each is asked about: one that is wrong for good must not speak for those that have only just changed.
      const answers = await Promise.all(wrong.map(async (refused) => this.#lookAgain(refused, reads)))
      if (answers.includes(true)) continue
      for (const refused of wrong) this.refused(refused)
      const bad = new Set(wrong.map(({ id }) => id))
      const good = rows.filter(({ id }) => !bad.has(id))
      return {
        records: good.map((row) => codec.fromRow(row)),
        refused: wrong.length,
        ids: rows.map(({ id }) => id),
      }
    }
  }

  /** Whether a MAC is ours, of the text of a row that is in no leaf. */
  isAuthentic(text: string, mac: string): boolean {
    return equalInConstantTime(this.#rowMac(text), mac)
  }

  /** Reports a row that is not what was written, and is the error to throw. */
  refused(row: RefusedRow): DomainError {
    this.#onRefused(row)
    return new RefusedRowError(row)
  }

  #refusal<Row extends StoredRow, Record>(
    codec: Codec<Row, Record>,
    row: Row,
    id: string,
  ): RefusedRow | null {
    const what = wrongWith(codec, row, id, this.#rowMac, this.#versionOf(row.id))
    return what === null ? null : { table: codec.table, id, what }
  }
}
