import type { ExpressionBuilder, Kysely } from 'kysely'
import { pageOf } from './page.ts'
import type { RowReader } from './row-reader.ts'
import { API_KEY, ENVIRONMENT } from './rows.ts'
import type { Reader } from './store.ts'
import type { ApiKeyTable, Tables } from './tables.ts'

export type ScheduleReads = Pick<
  Reader,
  | 'allEnvironments'
  | 'addressUses'
  | 'jobCursor'
  | 'keysByAge'
  | 'keysInOverlap'
  | 'keysToDestroy'
  | 'keysUnused'
>

/** What jobs read: which keys are due, and where a job goes on. Each by an index, in the order in which it goes on. */
export function scheduleReads(db: Kysely<Tables>, rows: RowReader): ScheduleReads {
  return { ...dueReads(db, rows), ...progressReads(db, rows) }
}

type ProgressReads = Pick<Reader, 'addressUses' | 'allEnvironments' | 'jobCursor'>

function progressReads(db: Kysely<Tables>, rows: RowReader): ProgressReads {
  return {
    async allEnvironments(page) {
      let query = db
        .selectFrom('environment')
        .selectAll()
        .orderBy('id')
        .limit(page.limit + 1)
      if (page.cursor !== null) query = query.where('id', '>', page.cursor)
      return pageOf(await rows.all(ENVIRONMENT, () => query.execute()), page)
    },
    async addressUses(keyId) {
      const found = await db.selectFrom('key_use_address').selectAll().where('key_id', '=', keyId).execute()
      return found.map((row) => ({
        keyId: row.key_id,
        versionNumber: row.version_number,
        address: row.address,
        count: row.count,
        lastAt: row.last_at,
      }))
    },
    async jobCursor(name) {
      const query = db.selectFrom('job_cursor').select(['at', 'after']).where('name', '=', name)
      return (await query.executeTakeFirst()) ?? null
    },
  }
}

function dueReads(db: Kysely<Tables>, rows: RowReader): Omit<ScheduleReads, keyof ProgressReads> {
  return {
    async keysByAge({ projectId, environment }, { after, until, now }, limit) {
      const query = db
        .selectFrom('api_key')
        .selectAll()
        .where('project_id', '=', projectId)
        .where('environment', '=', environment)
        .where('rotated_at', '>=', after.at)
        .where('rotated_at', '<=', until)
        .where((where) => where.or([where('rotated_at', '>', after.at), where('id', '>', after.after)]))
        .where((where) => isRunning(where, now))
        .orderBy('rotated_at')
        .orderBy('id')
        .limit(limit)
      return rows.all(API_KEY, () => query.execute())
    },
    async keysUnused({ projectId, environment }, { afterId, since, now }, limit) {
      const query = db
        .selectFrom('api_key')
        .selectAll()
        .where('project_id', '=', projectId)
        .where('environment', '=', environment)
        .where('id', '>', afterId)
        .where('created_at', '<=', since)
        .where((where) => isRunning(where, now))
        .where((where) =>
          where.not(
            where.exists(
              where
                .selectFrom('key_use')
                .select('key_id')
                .whereRef('key_use.key_id', '=', 'api_key.id')
                .where('last_at', '>', since),
            ),
          ),
        )
        .orderBy('id')
        .limit(limit)
      return rows.all(API_KEY, () => query.execute())
    },
    async keysInOverlap(now, afterId, limit) {
      const query = db
        .selectFrom('api_key')
        .selectAll()
        .where('overlap_until', '>', now)
        .where('id', '>', afterId)
        .where((where) => isRunning(where, now))
        .orderBy('id')
        .limit(limit)
      return rows.all(API_KEY, () => query.execute())
    },
    async keysToDestroy(now, limit) {
      const query = db.selectFrom('api_key').selectAll().where('destroy_at', '<=', now).limit(limit)
      return rows.all(API_KEY, () => query.execute())
    },
  }
}

/** Issued keys that are neither final nor expired. */
function isRunning(where: ExpressionBuilder<{ api_key: ApiKeyTable }, 'api_key'>, now: number) {
  return where.and([
    where('kind', '!=', 'root'),
    where('state', 'in', ['pre-active', 'active', 'suspended']),
    where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]),
  ])
}
