import type { Compilable, CompiledQuery, Kysely } from 'kysely'
import type { SealedTable, StoredRow } from './rows.ts'
import type { Tables } from './tables.ts'

/** Distinct hot statements are about twenty; inserts of many rows add one per table and count, up to a batch's size. */
const STATEMENTS_MAX = 1_000

/** SQLite takes 32,766 parameters in a statement, PostgreSQL 65,535; the widest table has about twenty columns. */
const ROWS_PER_INSERT = 1_000

/**
 * Queries that are built and compiled once and then run with new parameters: building one with Kysely costs as much as
 * running it, and issuing a key takes six.
 */
export class Statements {
  readonly #db: Kysely<Tables>
  readonly #compiled = new Map<string, CompiledQuery>()

  constructor(db: Kysely<Tables>) {
    this.#db = db
  }

  /** Runs what `build` makes, which must be the same for each call under this name, with these parameters in its order. */
  async run<Row>(
    name: string,
    build: (db: Kysely<Tables>) => Compilable<Row>,
    parameters: readonly unknown[],
  ): Promise<{ readonly rows: readonly Row[]; readonly numAffectedRows?: bigint }> {
    const query = this.#compile(name, build)
    return this.#db.executeQuery<Row>({ ...query, parameters })
  }

  /** Inserts rows that all have the same columns in the same order, in as many statements as it takes. */
  async insert<Table extends keyof Tables>(table: Table, rows: readonly Tables[Table][]): Promise<void> {
    for (let from = 0; from < rows.length; from += ROWS_PER_INSERT) {
      const some = rows.slice(from, from + ROWS_PER_INSERT)
      const values = some.flatMap((row) => Object.values(row) as unknown[])
      const build = (db: Kysely<Tables>) => db.insertInto(table).values(some as never)
      await this.run(`insert ${some.length} ${table}`, build, values)
    }
  }

  /** Writes the next state of a sealed row; false, and nothing, unless the stored one has exactly this version. */
  async update(table: SealedTable, row: StoredRow, version: number): Promise<boolean> {
    const build = (db: Kysely<Tables>): Compilable =>
      db
        .updateTable(table)
        .set(row as never)
        .where('id', '=', '')
        .where('version', '=', 0)
    const parameters = [...(Object.values(row) as unknown[]), row.id, version]
    const { numAffectedRows } = await this.run(`update ${table}`, build, parameters)
    return numAffectedRows === 1n
  }

  #compile(name: string, build: (db: Kysely<Tables>) => Compilable): CompiledQuery {
    const known = this.#compiled.get(name)
    if (known !== undefined) return known
    if (this.#compiled.size >= STATEMENTS_MAX) this.#compiled.clear()
    const compiled = build(this.#db).compile()
    this.#compiled.set(name, compiled)
    return compiled
  }
}
