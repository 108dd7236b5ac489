import type { Kysely } from 'kysely'
import type { Environment } from '@keystead/protocol/api-key'
import type { KeyId, OwnerId, ProjectId } from '../ids.ts'
import { pageOf } from './page.ts'
import type { RowReader } from './row-reader.ts'
import type { Reader } from './store.ts'
import type { Tables } from './tables.ts'
import { countOf, segmentHead, USE_EMITTER } from './use-rows.ts'

export type UseReads = Pick<
  Reader,
  | 'uses'
  | 'useCounts'
  | 'useEmitters'
  | 'useEmitter'
  | 'useEmittersUntil'
  | 'useSegment'
  | 'useSegmentsBetween'
  | 'useSegmentsDropped'
  | 'usesWaiting'
  | 'keyPlaces'
>

const HEAD = ['boot', 'batch_number', 'from_at', 'to_at', 'count', 'dropped'] as const

/** The reads about the use of keys. */
export function useReads(db: Kysely<Tables>, rows: RowReader): UseReads {
  return { ...countReads(db), ...emitterReads(db, rows), ...segmentReads(db) }
}

function countReads(db: Kysely<Tables>): Pick<UseReads, 'uses' | 'useCounts' | 'keyPlaces'> {
  return {
    async uses(keyIds) {
      if (keyIds.length === 0) return []
      const query = db
        .selectFrom('key_use')
        .selectAll()
        .where('key_id', 'in', [...keyIds])
      return (await query.execute()).map((row) => ({
        keyId: row.key_id,
        versionNumber: row.version_number,
        code: row.code,
        count: row.count,
        lastAt: row.last_at,
      }))
    },
    async useCounts({ subject, environment, period, startAts }) {
      if (startAts.length === 0) return []
      let query = db
        .selectFrom('use_count')
        .selectAll()
        .where('period', '=', period)
        .where('start_at', 'in', [...startAts])
        .where('subject', '=', subject)
      if (environment !== null) query = query.where('environment', '=', environment)
      const ordered = query.orderBy('start_at').orderBy('environment').orderBy('code')
      return (await ordered.execute()).map(countOf)
    },
    async keyPlaces(keyIds) {
      if (keyIds.length === 0) return []
      const rows = await db
        .selectFrom('api_key')
        .select(['id', 'project_id', 'environment', 'owner_id'])
        .where('id', 'in', [...keyIds])
        .execute()
      return rows.map((row) => ({
        keyId: row.id as KeyId,
        projectId: row.project_id as ProjectId | null,
        environment: row.environment as Environment | null,
        ownerId: row.owner_id as OwnerId | null,
      }))
    },
  }
}

function emitterReads(
  db: Kysely<Tables>,
  rows: RowReader,
): Pick<UseReads, 'useEmitters' | 'useEmitter' | 'useEmittersUntil'> {
  return {
    async useEmitter(id) {
      const query = db.selectFrom('use_emitter').selectAll().where('id', '=', id)
      return rows.one(USE_EMITTER, id, () => query.executeTakeFirst())
    },
    async useEmitters(page) {
      let query = db
        .selectFrom('use_emitter')
        .selectAll()
        .orderBy('id')
        .limit(page.limit + 1)
      if (page.cursor !== null) query = query.where('id', '>', page.cursor)
      return pageOf(await rows.all(USE_EMITTER, () => query.execute()), page)
    },
    async useEmittersUntil(to, limit) {
      const query = db
        .selectFrom('use_emitter')
        .selectAll()
        .where('created_at', '<=', to)
        .orderBy('id', 'desc')
        .limit(limit)
      return (await rows.all(USE_EMITTER, () => query.execute())).toReversed()
    },
  }
}

function segmentReads(
  db: Kysely<Tables>,
): Pick<UseReads, 'useSegment' | 'useSegmentsBetween' | 'useSegmentsDropped' | 'usesWaiting'> {
  return {
    async useSegment(boot, batchNumber) {
      const row = await db
        .selectFrom('use_segment')
        .selectAll()
        .where('boot', '=', boot)
        .where('batch_number', '=', batchNumber)
        .executeTakeFirst()
      return row === undefined ? null : { ...segmentHead(row), bytes: row.bytes }
    },
    async useSegmentsBetween(from, to, limit) {
      const query = db
        .selectFrom('use_segment')
        .select(HEAD)
        .where('to_at', '>=', from)
        .where('from_at', '<=', to)
        .orderBy('to_at')
        .limit(limit)
      return (await query.execute()).map(segmentHead)
    },
    async usesWaiting() {
      const query = db
        .selectFrom('use_segment')
        .select(({ fn }) => [fn.sum('count').as('records'), fn.min('to_at').as('oldestAt')])
        // Written out, so that the index of those that wait is used.
        .where((where) => where('rolled_up', '=', where.lit(0)))
      const row = await query.executeTakeFirst()
      const oldestAt = row?.oldestAt ?? null
      return { records: Number(row?.records ?? 0), oldestAt: oldestAt === null ? null : Number(oldestAt) }
    },
    async useSegmentsDropped(from, to, limit) {
      const query = db
        .selectFrom('use_segment')
        .select(HEAD)
        .where('dropped', '>', 0)
        .where('to_at', '>=', from)
        .where('from_at', '<=', to)
        .orderBy('to_at')
        .limit(limit)
      return (await query.execute()).map(segmentHead)
    },
  }
}
