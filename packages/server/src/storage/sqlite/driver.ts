import {
  type CompiledQuery,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { DomainError } from '../../errors.ts'
import { kyselyOn } from '../kysely.ts'
import type { Tables } from '../tables.ts'

/** Distinct statements of the program are about fifty; variable-length inserts add the rest. */
const STATEMENTS_MAX = 500

/** As kyselyOver, for reads outside of a transaction: `storage.unavailable` when SQLite does not answer. */
export function answeringOver(database: DatabaseSync): Kysely<Tables> {
  return kyselyOver(database, (cause) =>
    isDatabaseError(cause) ? new DomainError('storage.unavailable', null, { cause }) : cause,
  )
}

/** Kysely over node:sqlite: statements are prepared once, and a query runs at once on its one connection. */
export function kyselyOver(
  database: DatabaseSync,
  failure: (cause: unknown) => unknown = (cause) => cause,
): Kysely<Tables> {
  const statements = new PreparedStatements(database)
  const parts = {
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
  }
  return kyselyOn<Tables>(parts, async <Row>(query: CompiledQuery) => {
    try {
      return statements.run<Row>(query)
    } catch (error) {
      throw failure(error)
    }
  })
}

/** Whether SQLite itself failed. */
export function isDatabaseError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR'
}

class PreparedStatements {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  run<Row>(query: CompiledQuery): QueryResult<Row> {
    const statement = this.#statement(query.sql)
    const parameters = query.parameters as readonly SQLInputValue[]
    if (statement.columns().length > 0) return { rows: statement.all(...parameters) as Row[] }
    const { changes } = statement.run(...parameters)
    return { rows: [], numAffectedRows: BigInt(changes) }
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    if (this.#statements.size >= STATEMENTS_MAX) this.#statements.clear()
    const statement = this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}
