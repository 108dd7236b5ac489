/** One row as it lies in the database. */
export type Row = Readonly<Record<string, unknown>>

/** How to reach one kind of database as somebody who may do everything there, triggers and foreign keys or not. */
export interface Dialect {
  run(sql: string): Promise<void>
  rows(sql: string): Promise<readonly Row[]>
  /** A literal for bytes. */
  bytes(value: Uint8Array): string
}

const TABLES = [
  ...['installation', 'project', 'environment', 'owner', 'role', 'api_key', 'audit_head', 'key_use'],
  ...[
    'import_source',
    'bulk_operation',
    'bulk_chunk',
    'audit_entry',
    'audit_target',
    'audit_actor',
    'audit_node',
  ],
  'audit_checkpoint',
] as const

/** Whoever can write to the database: no key of Keystead's, but everything else. */
export class Attacker {
  readonly #dialect: Dialect

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  async run(sql: string): Promise<void> {
    await this.#dialect.run(sql)
  }

  async rows(sql: string): Promise<readonly Row[]> {
    return this.#dialect.rows(sql)
  }

  /** The row with this id. */
  async row(table: string, id: string): Promise<Row> {
    const [row] = await this.rows(`SELECT * FROM ${table} WHERE id = ${this.#literal(id)}`)
    if (row === undefined) throw new Error(`no ${id} in ${table}`)
    return row
  }

  /** All tables that an attack may want to put back. */
  async everything(): Promise<Record<string, readonly Row[]>> {
    const tables: Record<string, readonly Row[]> = {}
    for (const table of TABLES) tables[table] = await this.rows(`SELECT * FROM ${table}`)
    return tables
  }

  async change(table: string, id: string, columns: Row): Promise<void> {
    const sets = Object.entries(columns).map(([column, value]) => `${column} = ${this.#literal(value)}`)
    await this.run(`UPDATE ${table} SET ${sets.join(', ')} WHERE id = ${this.#literal(id)}`)
  }

  async remove(table: string, id: string): Promise<void> {
    await this.run(`DELETE FROM ${table} WHERE id = ${this.#literal(id)}`)
  }

  async add(table: string, row: Row): Promise<void> {
    const values = Object.values(row).map((value) => this.#literal(value))
    await this.run(`INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES (${values.join(', ')})`)
  }

  #literal(value: unknown): string {
    if (value === null || value === undefined) return 'NULL'
    if (typeof value === 'number' || typeof value === 'bigint') return String(value)
    if (value instanceof Uint8Array) return this.#dialect.bytes(value)
    if (typeof value !== 'string') throw new Error('a value of another kind')
    return `'${value.replaceAll("'", "''")}'`
  }
}
