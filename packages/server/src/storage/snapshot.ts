import type { StateLine } from '@keystead/protocol/audit-state'
import { isKeyState, type KeyState } from '@keystead/protocol/lifecycle'
import type { Kysely } from 'kysely'
import type { Head } from './head.ts'
import { rowText, SEALED, type SealedCodec, type StoredRow, targetType } from './rows.ts'
import type { Integrity, Snapshot, SnapshotMark } from './store.ts'
import type { Tables } from './tables.ts'

export interface SnapshotOptions {
  /** A connection inside a transaction that sees one moment. */
  readonly db: Kysely<Tables>
  /** The log at that moment. */
  readonly head: Head
  readonly integrity: Integrity
  readonly close: () => Promise<void>
}

/** The sealed rows of one moment, table after table in the order of their ids; see Snapshot. */
export function snapshotOf({ db, head, integrity, close }: SnapshotOptions): Snapshot {
  const rowsOf = async (codec: SealedCodec, after: string | null, limit: number): Promise<StateLine[]> => {
    const query = db.selectFrom(codec.table).selectAll().orderBy('id').limit(limit)
    // From the very first: a row whose id is the empty text was added by somebody, and must be seen.
    const rest = after === null ? query : query.where('id', '>', after)
    const rows: readonly StoredRow[] = await rest.execute()
    return rows.map((row) => lineOf(codec, row, integrity))
  }
  return {
    head,
    close,
    async rows(after, limit) {
      const lines: StateLine[] = []
      let { table, id }: SnapshotMark = after ?? { table: 0, id: null }
      for (let codec = SEALED[table]; codec !== undefined; codec = SEALED[table]) {
        lines.push(...(await rowsOf(codec, id, limit - lines.length)))
        if (lines.length === limit) return { lines, next: { table, id: lines.at(-1)?.id ?? id } }
        table += 1
        id = null
      }
      return { lines, next: null }
    },
  }
}

function lineOf(codec: SealedCodec, row: StoredRow, integrity: Integrity): StateLine {
  const { id, version } = row
  const columns: StoredRow & { readonly kind?: unknown; readonly state?: unknown } = row
  const type = targetType(codec.table, columns.kind === 'root' ? { kind: 'root' } : {})
  return {
    ...{ type, id, version },
    state: stateOf(columns.state),
    salt: integrity.commitmentSalt({ type, id, version }),
    text: rowText(codec, row),
  }
}

/** What has no state of its own is active; one that is none was changed, which the text shows whoever compares it. */
function stateOf(stored: unknown): KeyState {
  return isKeyState(stored) ? stored : 'active'
}
