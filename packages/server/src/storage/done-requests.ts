import type { Kysely } from 'kysely'
import { DomainError } from '../errors.ts'
import { DONE_REQUESTS_KEPT_MS, type DoneRequest } from './records.ts'
import type { RowReader } from './row-reader.ts'
import type { Statements } from './statements.ts'
import type { Integrity, Reader } from './store.ts'
import type { DoneRequestTable, Tables } from './tables.ts'

/** The row with its MAC. It is in no leaf: a row that was changed is refused, one that was deleted is a first request again. */
export function doneRequestRow(
  { id, content, at, targets }: DoneRequest,
  rowMac: Integrity['rowMac'],
): DoneRequestTable {
  const row = { id, content, at, targets: JSON.stringify(targets.map(({ type, id: of }) => [type, of])) }
  return { ...row, mac: rowMac(rowText(row)) }
}

/** DomainError `request.in_progress` when another request with the same id came first, less than a day ago. */
export async function addDoneRequests(
  statements: Statements,
  rows: readonly DoneRequestTable[],
): Promise<void> {
  for (const row of rows) {
    const build = (db: Kysely<Tables>) =>
      db
        .insertInto('done_request')
        .values(row)
        .onConflict((conflict) =>
          conflict
            .column('id')
            .doUpdateSet((held) => ({
              content: held.ref('excluded.content'),
              at: held.ref('excluded.at'),
              targets: held.ref('excluded.targets'),
              mac: held.ref('excluded.mac'),
            }))
            .where('done_request.at', '<=', 0),
        )
    const { id, content, at, targets, mac } = row
    const parameters = [id, content, at, targets, mac, at - DONE_REQUESTS_KEPT_MS]
    const { numAffectedRows } = await statements.run('add a done request', build, parameters)
    if (numAffectedRows !== 1n) throw new DomainError('request.in_progress')
  }
}

/** See Store.forgetDoneRequests. */
export async function forgetDoneRequests(
  statements: Statements,
  before: number,
  limit: number,
): Promise<number> {
  const build = (db: Kysely<Tables>) =>
    db
      .deleteFrom('done_request')
      .where('id', 'in', (old) => old.selectFrom('done_request').select('id').where('at', '<', 0).limit(0))
  const { numAffectedRows } = await statements.run('forget done requests', build, [before, limit])
  return Number(numAffectedRows ?? 0)
}

export function doneRequestReads(db: Kysely<Tables>, rows: RowReader): Pick<Reader, 'doneRequest'> {
  return {
    async doneRequest(id) {
      const row = await db.selectFrom('done_request').selectAll().where('id', '=', id).executeTakeFirst()
      if (row === undefined) return null
      const isOurs = row.id === id && rows.isAuthentic(rowText(row), row.mac)
      if (!isOurs) throw rows.refused({ table: 'done_request', id, what: 'does not match its MAC' })
      const targets = (JSON.parse(row.targets) as [DoneRequest['targets'][number]['type'], string][]).map(
        ([type, of]) => ({ type, id: of }),
      )
      return { id, content: row.content, at: row.at, targets }
    },
  }
}

function rowText({ id, content, at, targets }: Omit<DoneRequestTable, 'mac'>): string {
  return JSON.stringify(['done_request', { id, content, at, targets }])
}
