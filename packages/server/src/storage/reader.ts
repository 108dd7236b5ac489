import type { Kysely } from 'kysely'
import { DomainError } from '../errors.ts'
import { batchOf, targetsOf } from './batch.ts'
import type { RowReader } from './row-reader.ts'
import { doneRequestReads } from './done-requests.ts'
import { type BulkReads, bulkReads } from './bulk-reads.ts'
import { scheduleReads, type ScheduleReads } from './schedule-reader.ts'
import { type ImportReads, importReads } from './import-reads.ts'
import { API_KEY, ENVIRONMENT, INSTALLATION, OWNER, PROJECT, ROLE } from './rows.ts'
import { listKeys } from './key-list.ts'
import { pageOf } from './page.ts'
import type { Integrity, Reader } from './store.ts'
import type { Tables } from './tables.ts'
import { useReads, type UseReads } from './use-reads.ts'

/** The reads, in dialect-neutral SQL, over a connection that sees committed state only. */
export function createReader(db: Kysely<Tables>, rows: RowReader, isOurs: Integrity['isOurs']): Reader {
  return {
    ...objectReads(db, rows),
    ...keyReads(db, rows),
    ...bulkReads(db, rows, isOurs),
    ...importReads(db, rows),
    ...useReads(db, rows),
    ...scheduleReads(db, rows),
    ...doneRequestReads(db, rows),
    ...auditReads(db),
  }
}

type ObjectReads = Pick<
  Reader,
  | 'installation'
  | 'project'
  | 'projects'
  | 'environments'
  | 'environment'
  | 'owner'
  | 'owners'
  | 'role'
  | 'roles'
>
type KeyReads = Pick<Reader, 'key' | 'keys'>
type AuditReads = Omit<
  Reader,
  | keyof ObjectReads
  | keyof KeyReads
  | keyof ScheduleReads
  | keyof BulkReads
  | keyof ImportReads
  | keyof UseReads
  | 'doneRequest'
>

function objectReads(db: Kysely<Tables>, rows: RowReader): ObjectReads {
  return {
    async installation() {
      const query = db.selectFrom('installation').selectAll()
      return (await rows.all(INSTALLATION, () => query.execute()))[0] ?? null
    },
    async project(id) {
      const query = db.selectFrom('project').selectAll().where('id', '=', id)
      return rows.one(PROJECT, id, () => query.executeTakeFirst())
    },
    async projects(only, page) {
      let query = db
        .selectFrom('project')
        .selectAll()
        .orderBy('id')
        .limit(page.limit + 1)
      if (only !== null) query = query.where('id', '=', only)
      if (page.cursor !== null) query = query.where('id', '>', page.cursor)
      return pageOf(await rows.all(PROJECT, () => query.execute()), page)
    },
    async environments(projectId) {
      const query = db.selectFrom('environment').selectAll().where('project_id', '=', projectId).orderBy('id')
      return rows.all(ENVIRONMENT, () => query.execute())
    },
    async environment(projectId, environment) {
      const query = db
        .selectFrom('environment')
        .selectAll()
        .where('project_id', '=', projectId)
        .where('environment', '=', environment)
      return (await rows.all(ENVIRONMENT, () => query.execute()))[0] ?? null
    },
    async owner(id) {
      const query = db.selectFrom('owner').selectAll().where('id', '=', id)
      return rows.one(OWNER, id, () => query.executeTakeFirst())
    },
    async owners(filter, page) {
      let query = db
        .selectFrom('owner')
        .selectAll()
        .orderBy('id')
        .limit(page.limit + 1)
      if (filter.projectId !== null) query = query.where('project_id', '=', filter.projectId)
      if (filter.externalId !== null) query = query.where('external_id', '=', filter.externalId)
      if (page.cursor !== null) query = query.where('id', '>', page.cursor)
      return pageOf(await rows.all(OWNER, () => query.execute()), page)
    },
    async role(id) {
      const query = db.selectFrom('role').selectAll().where('id', '=', id)
      return rows.one(ROLE, id, () => query.executeTakeFirst())
    },
    async roles(projectId, page) {
      let query = db
        .selectFrom('role')
        .selectAll()
        .orderBy('id')
        .limit(page.limit + 1)
      if (projectId !== null) query = query.where('project_id', '=', projectId)
      if (page.cursor !== null) query = query.where('id', '>', page.cursor)
      return pageOf(await rows.all(ROLE, () => query.execute()), page)
    },
  }
}

function keyReads(db: Kysely<Tables>, rows: RowReader): KeyReads {
  return {
    async key(id) {
      const query = db.selectFrom('api_key').selectAll().where('id', '=', id)
      return rows.one(API_KEY, id, () => query.executeTakeFirst())
    },
    keys: async (filter, page) => listKeys(db, rows, filter, page),
  }
}

function auditReads(db: Kysely<Tables>): AuditReads {
  const auditBatch: Reader['auditBatch'] = async (position) => {
    const query = db.selectFrom('audit_entry').select('batch').where('position', '=', position)
    return (await query.executeTakeFirst())?.batch ?? null
  }
  return {
    auditBatch,
    async auditTargets(entry) {
      const targets = targetsOf(entry.bytes, await batchOf(entry, auditBatch))
      if (targets === null) throw new DomainError('storage.integrity')
      return targets
    },
    async auditEntries(from, count) {
      const rows = await db
        .selectFrom('audit_entry')
        .select(['position', 'leaf', 'leaf_hash'])
        .where('position', '>=', from)
        .orderBy('position')
        .limit(count)
        .execute()
      return rows.map((row) => ({ position: row.position, bytes: row.leaf, leafHash: row.leaf_hash }))
    },
    async auditPositions(filter, after, limit) {
      let query = db
        .selectFrom('audit_entry')
        .select('audit_entry.position')
        .where('audit_entry.position', '>', after)
      if (filter.action !== null) query = query.where('audit_entry.action', '=', filter.action)
      if (filter.targetId !== null) {
        query = query
          .innerJoin('audit_target', 'audit_target.position', 'audit_entry.position')
          .where('audit_target.target_id', '=', filter.targetId)
      }
      const rows = await query.orderBy('audit_entry.position').limit(limit).execute()
      return rows.map((row) => row.position)
    },
    async lastPosition() {
      const row = await db
        .selectFrom('audit_entry')
        .select('position')
        .orderBy('position', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row?.position ?? null
    },
    auditNode: async (level, index) => readNode(db, level, index),
    async auditNodes(level, from, count) {
      return nodes(db, level, from, count)
    },
    async lastCheckpoint() {
      const row = await db
        .selectFrom('audit_checkpoint')
        .selectAll()
        .orderBy('size', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row ?? null
    },
    async checkpointCovering(size) {
      const query = db
        .selectFrom('audit_checkpoint')
        .selectAll()
        .where('size', '>=', size)
        .orderBy('size')
        .limit(1)
      return (await query.executeTakeFirst()) ?? null
    },
  }
}

/** See Reader.auditNode. */
export async function readNode(db: Kysely<Tables>, level: number, index: number): Promise<Uint8Array | null> {
  return (await nodes(db, level, index, 1))[0] ?? null
}

async function nodes(db: Kysely<Tables>, level: number, from: number, count: number): Promise<Uint8Array[]> {
  if (level === 0) {
    const rows = await db
      .selectFrom('audit_entry')
      .select('leaf_hash')
      .where('position', '>=', from)
      .where('position', '<', from + count)
      .orderBy('position')
      .execute()
    return rows.map((row) => row.leaf_hash)
  }
  const rows = await db
    .selectFrom('audit_node')
    .select('hash')
    .where('level', '=', level)
    .where('idx', '>=', from)
    .where('idx', '<', from + count)
    .orderBy('idx')
    .execute()
  return rows.map((row) => row.hash)
}
