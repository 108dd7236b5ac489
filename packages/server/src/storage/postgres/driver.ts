/** A Kysely dialect over node-postgres. Transactions are the caller's; a query runs on whatever `run` is given. */
import { createHash } from 'node:crypto'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely'
import type { QueryConfig } from 'pg'
import type { PostgresTables } from './tables.ts'

/** A pool, or one connection inside a transaction. */
export interface Queryable {
  query(config: QueryConfig): Promise<{ readonly rows: unknown[]; readonly rowCount: number | null }>
}

/** Statements that each connection keeps prepared: the fixed ones of the program are about fifty. */
const PREPARED_MAX = 200
/** Longer ones insert many rows: there are many of them, and their planning is the smaller part of their cost. */
const PREPARED_LENGTH_MAX = 1_000

export function kyselyOver(queryable: Queryable): Kysely<PostgresTables> {
  const connection = new Connection(queryable)
  const dialect: Dialect = {
    createAdapter: () => new PostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createDriver: () => driverOver(connection),
  }
  return new Kysely<PostgresTables>({ dialect })
}

class Connection implements DatabaseConnection {
  readonly #queryable: Queryable
  readonly #names = new Map<string, string>()

  constructor(queryable: Queryable) {
    this.#queryable = queryable
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const name = this.#nameOf(sql)
    const { rows, rowCount } = await this.#queryable.query({
      text: sql,
      values: [...parameters],
      ...(name === undefined ? {} : { name }),
    })
    return { rows: rows as Row[], numAffectedRows: BigInt(rowCount ?? 0) }
  }

  // oxlint-disable-next-line require-yield -- the port wants a generator; nothing here streams
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('streaming is not offered: read pages')
  }

  #nameOf(sql: string): string | undefined {
    const known = this.#names.get(sql)
    if (known !== undefined) return known
    if (sql.length > PREPARED_LENGTH_MAX || this.#names.size >= PREPARED_MAX) return undefined
    const name = createHash('sha256').update(sql).digest('base64url')
    this.#names.set(sql, name)
    return name
  }
}

function driverOver(connection: Connection): Driver {
  const refuse = async (): Promise<never> => {
    throw new Error('transactions belong to the store')
  }
  const nothing = async (): Promise<void> => undefined
  return {
    init: nothing,
    acquireConnection: async () => connection,
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    releaseConnection: nothing,
    destroy: nothing,
  }
}
