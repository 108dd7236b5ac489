import type { Kysely } from 'kysely'
import { IMPORT_SOURCE } from './import-rows.ts'
import { pageOf } from './page.ts'
import type { RowReader } from './row-reader.ts'
import type { Reader } from './store.ts'
import type { Tables } from './tables.ts'

export type ImportReads = Pick<Reader, 'importSource' | 'importSources'>

/** What is read of import sources. */
export function importReads(db: Kysely<Tables>, rows: RowReader): ImportReads {
  return {
    async importSource(id) {
      const query = db.selectFrom('import_source').selectAll().where('id', '=', id)
      return rows.one(IMPORT_SOURCE, id, () => query.executeTakeFirst())
    },
    async importSources(projectId, page) {
      let query = db
        .selectFrom('import_source')
        .selectAll()
        .orderBy('id')
        .limit(page.limit + 1)
      if (projectId !== null) query = query.where('project_id', '=', projectId)
      if (page.cursor !== null) query = query.where('id', '>', page.cursor)
      return pageOf(await rows.all(IMPORT_SOURCE, () => query.execute()), page)
    },
  }
}
