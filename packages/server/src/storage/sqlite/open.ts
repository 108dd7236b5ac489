import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StartError } from '../../errors.ts'
import { fileExists } from '../../file-failure.ts'

export interface OpenDatabase {
  readonly writer: DatabaseSync
  /** A second connection: it sees committed state only, while the writer's transaction is open. */
  readonly reader: DatabaseSync
  /** One more read-only connection, which the caller closes. */
  readonly openReader: () => DatabaseSync
  close(): void
}

const DATABASE_FILE = 'keystead.db'
const LOCK_FILE = 'keystead.lock'
const MIGRATIONS = join(import.meta.dirname, '..', 'migrations', 'sqlite')
/** Only another program that opens the file can make us wait; this one has a single writer. */
const BUSY_TIMEOUT_MS = 5_000

/** Whether the data folder holds a database already. */
export function databaseExists(dataDir: string): boolean {
  return fileExists(join(dataDir, DATABASE_FILE))
}

/**
 * Opens the database of a data folder, alone: a second server on the same folder is refused, since it would answer
 * from an index that never hears of the first one's revocations. Applies missing migrations. StartError otherwise.
 */
export function openDatabase(dataDir: string): OpenDatabase {
  const path = join(dataDir, DATABASE_FILE)
  const lock = takeLock(join(dataDir, LOCK_FILE))
  try {
    const writer = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
    writer.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
    migrate(writer, path)
    requireOwnSchema(writer, path)
    // From here on a lock that another program holds is waited for without blocking the loop (store.ts).
    writer.exec('PRAGMA busy_timeout = 0')
    const openReader = (): DatabaseSync =>
      new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true })
    const reader = openReader()
    return {
      writer,
      reader,
      openReader,
      close() {
        reader.close()
        writer.close()
        lock.close()
      },
    }
  } catch (cause) {
    lock.close()
    throw cause instanceof StartError ? cause : databaseError(path, cause)
  }
}

/** One line for an operator about a database that cannot be used; the data are not touched. */
function databaseError(path: string, cause: unknown): StartError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const help = /not a database|malformed/.test(reason)
    ? 'The file is damaged and was left as it is: put back a backup.'
    : 'Check that the folder is writable and the disk is not full.'
  return new StartError(`${path} cannot be used: ${reason}. ${help}`, { cause })
}

/** A lock that the operating system drops when the process dies, however it dies: an exclusive transaction held open. */
function takeLock(path: string): DatabaseSync {
  let lock: DatabaseSync | null = null
  try {
    lock = new DatabaseSync(path, { timeout: 0 })
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    lock?.close()
    if (cause instanceof Error && /locked/.test(cause.message)) {
      throw new StartError(
        `${path} is held by another Keystead server: stop that one first, or use another data folder.`,
        { cause },
      )
    }
    throw databaseError(path, cause)
  }
}

function migrate(database: DatabaseSync, path: string): void {
  database.exec(
    'CREATE TABLE IF NOT EXISTS schema_migration (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL) STRICT',
  )
  const applied = database.prepare('SELECT name, sha256 FROM schema_migration ORDER BY name').all()
  const files = readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  for (const [i, row] of applied.entries()) {
    const name = files[i]
    if (name === undefined || name !== row['name'] || digestOf(name) !== row['sha256']) {
      throw new StartError(
        `${path} was made by another version of Keystead (${String(row['name'])}): use that version or a newer one.`,
      )
    }
  }
  for (const name of files.slice(applied.length)) {
    database.exec('BEGIN IMMEDIATE')
    try {
      database.exec(readFileSync(join(MIGRATIONS, name), 'utf8'))
      database.prepare('INSERT INTO schema_migration (name, sha256) VALUES (?, ?)').run(name, digestOf(name))
      database.exec('COMMIT')
    } catch (cause) {
      database.exec('ROLLBACK')
      throw cause
    }
  }
}

/**
 * A trigger or a view that somebody has planted would change what is written and read behind every check of rows: the
 * schema must be the one that the migrations make (T-05).
 */
function requireOwnSchema(database: DatabaseSync, path: string): void {
  const expected = new DatabaseSync(':memory:')
  migrate(expected, path)
  const own = schemaOf(expected)
  expected.close()
  if (schemaOf(database) === own) return
  throw new StartError(
    `The schema of ${path} was changed outside Keystead. See docs/operate/troubleshooting.md. Nothing was changed.`,
  )
}

function schemaOf(database: DatabaseSync): string {
  return JSON.stringify(
    database.prepare('SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name').all(),
  )
}

function digestOf(name: string): string {
  return createHash('sha256')
    .update(readFileSync(join(MIGRATIONS, name)))
    .digest('hex')
}
