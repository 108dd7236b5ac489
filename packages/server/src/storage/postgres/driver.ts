import { createHash } from 'node:crypto'
import {
  type CompiledQuery,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely'
import type { QueryConfig } from 'pg'
import { kyselyOn } from '../kysely.ts'
import type { PostgresTables } from './tables.ts'

/** A pool, or one connection inside a transaction. */
export interface Queryable {
  query(config: QueryConfig): Promise<{ readonly rows: unknown[]; readonly rowCount: number | null }>
}

/** Statements that each connection keeps prepared: the fixed ones of the program are about fifty. */
const PREPARED_MAX = 200
/** Longer ones insert many rows: there are many of them, and their planning is the smaller part of their cost. */
const PREPARED_LENGTH_MAX = 1_000

/** Kysely over node-postgres; a query runs on whatever `queryable` gives it. */
export function kyselyOver(queryable: Queryable): Kysely<PostgresTables> {
  const names = new StatementNames()
  const parts = {
    createAdapter: () => new PostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
  }
  const execute = async <Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> => {
    const name = names.of(sql)
    const { rows, rowCount } = await queryable.query({
      text: sql,
      values: [...parameters],
      ...(name === undefined ? {} : { name }),
    })
    return { rows: rows as Row[], numAffectedRows: BigInt(rowCount ?? 0) }
  }
  return kyselyOn<PostgresTables>(parts, execute)
}

/** The names under which statements are kept prepared; undefined for one that is not. */
class StatementNames {
  readonly #names = new Map<string, string>()

  of(sql: string): string | undefined {
    const known = this.#names.get(sql)
    if (known !== undefined) return known
    if (sql.length > PREPARED_LENGTH_MAX || this.#names.size >= PREPARED_MAX) return undefined
    const name = createHash('sha256').update(sql).digest('base64url')
    this.#names.set(sql, name)
    return name
  }
}
