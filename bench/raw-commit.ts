/**
 * What SQLite itself can do: a plain node:sqlite program that inserts the same rows as an issued key (key, audit entry,
 * its target, one tree node) for 16 logical writers in shared transactions, each acknowledged after COMMIT with
 * synchronous=FULL. Takes a RawJob by message, answers with a RawMeasurement; every window has a fresh database.
 */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { answerJobs, measureWriters, type RawMeasurement } from './raw-program.ts'

export interface RawJob {
  /** Where the new database goes. */
  readonly path: string
  /** The database of a server, whose newest key and entry are copied. */
  readonly templatePath: string
  readonly writers: number
  readonly durationMs: number
}

const MIGRATIONS = join(import.meta.dirname, '../packages/server/src/storage/migrations/sqlite')

type Row = Record<string, SQLInputValue>

interface Writes {
  readonly key: Row
  readonly entry: Row
  readonly target: Row
  readonly node: Row
}

function openWithSchema(path: string): DatabaseSync {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  for (const name of readdirSync(MIGRATIONS).sort()) {
    database.exec(readFileSync(join(MIGRATIONS, name), 'utf8'))
  }
  return database
}

function readTemplate(path: string): Writes {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    const one = (sql: string): Row => database.prepare(sql).get() as Row
    return {
      key: one("SELECT * FROM api_key WHERE kind = 'key' ORDER BY id DESC LIMIT 1"),
      entry: one("SELECT * FROM audit_entry WHERE action = 'key.created' ORDER BY position DESC LIMIT 1"),
      target: one('SELECT * FROM audit_target ORDER BY position DESC LIMIT 1'),
      node: one('SELECT * FROM audit_node LIMIT 1'),
    }
  } finally {
    database.close()
  }
}

/** Ten characters of time in front, as in our ids: new rows come after all others. */
const RECENT = '01kamgvnq0'

/** The writers of one window: rows of the sizes of the template's, ids that rise as ours do. */
class RawWriter {
  readonly #database: DatabaseSync
  readonly #template: Writes
  readonly #insert: { readonly [Name in keyof Writes]: (row: Row) => void }
  #position = 0
  #waiting: (() => void)[] = []
  #planned = false

  constructor(database: DatabaseSync, template: Writes) {
    this.#database = database
    this.#template = template
    const into = (table: string, row: Row): ((row: Row) => void) => {
      const names = Object.keys(row)
      const statement = database.prepare(
        `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
      )
      return (values) => {
        statement.run(...Object.values(values))
      }
    }
    this.#insert = {
      key: into('api_key', template.key),
      entry: into('audit_entry', template.entry),
      target: into('audit_target', template.target),
      node: into('audit_node', template.node),
    }
  }

  /** Resolves when the rows are on disk. */
  write(): Promise<void> {
    return new Promise((done) => {
      this.#waiting.push(done)
      if (this.#planned) return
      this.#planned = true
      setImmediate(() => this.#commit())
    })
  }

  #commit(): void {
    const batch = this.#waiting
    this.#waiting = []
    this.#planned = false
    this.#database.exec('BEGIN IMMEDIATE')
    for (let i = 0; i < batch.length; i++) this.#insertOne()
    this.#database.exec('COMMIT')
    for (const done of batch) done()
  }

  #insertOne(): void {
    const { key, entry, target, node } = this.#template
    const position = this.#position++
    const random = randomBytes(48)
    const id = `key_${RECENT}${position.toString(32).padStart(8, '0')}${random.toString('hex', 0, 4)}`
    this.#insert.key({ ...key, id, locator: random.toString('base64url', 4, 13) })
    this.#insert.entry({ ...entry, position, leaf_hash: random.subarray(16) })
    this.#insert.target({ ...target, target_id: id, position })
    this.#insert.node({ ...node, level: 1, idx: position, hash: random.subarray(16) })
  }
}

async function measure(job: RawJob): Promise<RawMeasurement> {
  const database = openWithSchema(job.path)
  // The key points to a project and an owner, and SQLite checks that they are there, as it does for the server.
  database.exec(`ATTACH '${job.templatePath}' AS template; INSERT INTO project SELECT * FROM template.project;
    INSERT INTO owner SELECT * FROM template.owner; DETACH template`)
  const writer = new RawWriter(database, readTemplate(job.templatePath))
  const writers = Array.from({ length: job.writers }, () => async () => writer.write())
  const measurement = await measureWriters(writers, job.durationMs)
  database.close()
  return measurement
}

answerJobs(measure)
