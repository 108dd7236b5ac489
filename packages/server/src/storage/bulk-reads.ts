import type { Kysely } from 'kysely'
import { pageOf } from './page.ts'
import type { RowReader } from './row-reader.ts'
import { BULK_CHUNK, BULK_OPERATION } from './bulk-rows.ts'
import { API_KEY } from './rows.ts'
import type { Integrity, Reader } from './store.ts'
import type { Tables } from './tables.ts'

export type BulkReads = Pick<
  Reader,
  'selectKeys' | 'bulkOperation' | 'bulkOperations' | 'dueBulkOperations' | 'bulkChunk' | 'auditEntriesBy'
>

/** What bulk operations read: keys by selection, the operations themselves, and what an actor did. */
export function bulkReads(db: Kysely<Tables>, rows: RowReader, isOurs: Integrity['isOurs']): BulkReads {
  return { ...selectionReads(db, rows, isOurs), ...operationReads(db, rows) }
}

type SelectionReads = Pick<Reader, 'selectKeys' | 'auditEntriesBy'>

function selectionReads(db: Kysely<Tables>, rows: RowReader, isOurs: Integrity['isOurs']): SelectionReads {
  return {
    async selectKeys(selection, after, limit) {
      const { projectId, environment, ownerIds, ids, createdFrom, createdUntil } = selection
      let query = db
        .selectFrom('api_key')
        .selectAll()
        .where('project_id', '=', projectId)
        .where('kind', '!=', 'root')
        .where('created_at', '<=', createdUntil)
        .orderBy('id')
        .limit(limit)
      if (environment !== null) query = query.where('environment', '=', environment)
      if (ownerIds !== null) query = query.where('owner_id', 'in', [...ownerIds])
      if (ids !== null) query = query.where('id', 'in', [...ids])
      if (createdFrom !== null) query = query.where('created_at', '>=', createdFrom)
      if (after !== null) query = query.where('id', '>', after)
      const step = await rows.some(API_KEY, () => query.execute())
      const cursor = step.ids.length < limit ? null : (step.ids.at(-1) ?? null)
      return { keys: step.records, refused: step.refused, cursor }
    },
    async auditEntriesBy(actorId, actions, { from, below }, limit) {
      const found = await db
        .selectFrom('audit_actor')
        .innerJoin('audit_entry', 'audit_entry.position', 'audit_actor.position')
        .select(['audit_entry.position', 'audit_entry.leaf', 'audit_entry.leaf_hash'])
        .where('audit_actor.actor_id', '=', actorId)
        .where('audit_actor.position', '>=', from)
        .where('audit_actor.position', '<', below)
        .where('audit_entry.action', 'in', [...actions])
        .orderBy('audit_actor.position')
        .limit(limit)
        .execute()
      const last = found.length < limit ? undefined : found.at(-1)
      const entries = found
        .filter(({ leaf }) => isOurs(leaf))
        .map((row) => ({ position: row.position, bytes: row.leaf, leafHash: row.leaf_hash }))
      return { entries, next: last === undefined ? null : last.position + 1 }
    },
  }
}

function operationReads(db: Kysely<Tables>, rows: RowReader): Omit<BulkReads, keyof SelectionReads> {
  return {
    async bulkOperation(id) {
      const query = db.selectFrom('bulk_operation').selectAll().where('id', '=', id)
      return rows.one(BULK_OPERATION, id, () => query.executeTakeFirst())
    },
    async bulkOperations(filter, page) {
      let query = db
        .selectFrom('bulk_operation')
        .selectAll()
        .orderBy('id')
        .limit(page.limit + 1)
      if (filter.projectId !== null) query = query.where('project_id', '=', filter.projectId)
      if (filter.environment !== null) query = query.where('environment', '=', filter.environment)
      if (page.cursor !== null) query = query.where('id', '>', page.cursor)
      return pageOf(await rows.all(BULK_OPERATION, () => query.execute()), page)
    },
    async dueBulkOperations(now, limit) {
      const query = db
        .selectFrom('bulk_operation')
        .selectAll()
        .where((where) =>
          where.or([
            where('phase', 'in', ['running', 'concluding', 'undoing']),
            where.and([where('phase', '=', 'waiting'), where('undo_until', '<=', now)]),
          ]),
        )
        .orderBy('id')
        .limit(limit)
      return (await rows.some(BULK_OPERATION, () => query.execute())).records
    },
    async bulkChunk(operationId, number) {
      const query = db
        .selectFrom('bulk_chunk')
        .selectAll()
        .where('operation_id', '=', operationId)
        .where('number', '=', number)
      return (await rows.all(BULK_CHUNK, () => query.execute()))[0] ?? null
    },
  }
}
