import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ClientBase } from 'pg'
import { StartError } from '../../errors.ts'
import { type Connections, connectionsTo, type Durability, SCHEMA, startConnection } from './connect.ts'
import { isOwnSchema } from './schema.ts'

export interface PostgresDatabase extends Connections {
  /** Whether no change has ever been committed: neither a leaf of the log nor one that waits for its position. */
  readonly isEmpty: boolean
}

const MIGRATIONS = join(import.meta.dirname, '..', 'migrations', 'postgres')
/** pg_current_xact_id and pg_xact_status, which tell what became of a COMMIT, are there from 13 on. */
const SERVER_VERSION_MIN = 130_000
/** "keystead" on a telephone; whoever starts waits for whoever migrates. */
const MIGRATION_LOCK = 53_978_323
/** A migration of a large table takes longer than any other statement. */
const MIGRATION_MS_MAX = 600_000

/**
 * Connects, applies missing migrations, one process at a time, and compares the schema with what they make. StartError,
 * in one line for an operator, when the server cannot be reached, is not fit, or the schema was changed by others.
 */
export async function openPostgres(url: string): Promise<PostgresDatabase> {
  const client = startConnection(url)
  client.on('error', () => undefined)
  try {
    await client.connect()
    const durability = await requireFitServer(client)
    await client.query(`SET statement_timeout = ${MIGRATION_MS_MAX}; SET lock_timeout = ${MIGRATION_MS_MAX}`)
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK])
    await migrate(client)
    if (!(await isOwnSchema(client, async () => applyAll(client)))) {
      throw new StartError(
        `The schema ${SCHEMA} of the database was changed outside Keystead. See docs/operate/troubleshooting.md. Nothing was changed.`,
      )
    }
    const { rows } = await client.query<{ empty: boolean }>(
      'SELECT NOT EXISTS (SELECT FROM audit_entry) AND NOT EXISTS (SELECT FROM audit_pending) AS empty',
    )
    return { ...connectionsTo(url, durability), isEmpty: rows[0]?.empty === true }
  } catch (cause) {
    if (cause instanceof StartError) throw cause
    const reason = cause instanceof Error ? cause.message || cause.name : 'unknown'
    throw new StartError(
      `The database cannot be used: ${reason}. Check KEYSTEAD_DATABASE_URL_FILE, the server and the rights of the role; see docs/operate/postgresql.md.`,
      { cause },
    )
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function requireFitServer(client: ClientBase): Promise<Durability> {
  const setting = async (name: string): Promise<string> => {
    const { rows } = await client.query<{ value: string }>('SELECT current_setting($1) AS value', [name])
    return rows[0]?.value ?? ''
  }
  if (Number(await setting('server_version_num')) < SERVER_VERSION_MIN)
    throw new StartError(`PostgreSQL ${await setting('server_version')} is too old: 13 or newer is needed.`)
  if ((await setting('server_encoding')) !== 'UTF8')
    throw new StartError('The database must have the encoding UTF8.')
  const { rows } = await client.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby')
  if (rows[0]?.standby === true)
    throw new StartError('The database is a standby: the URL must lead to the primary.')
  const durability = await setting('synchronous_commit')
  if ((await setting('fsync')) !== 'on' || !isSafe(durability))
    throw new StartError(
      'The server acknowledges what it has not written: set fsync = on and synchronous_commit = on (or remote_apply).',
    )
  return durability
}

function isSafe(setting: string): setting is Durability {
  return setting === 'on' || setting === 'remote_apply'
}

async function migrate(client: ClientBase): Promise<void> {
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`)
  await client.query(CREATE_MIGRATIONS)
  const { rows: applied } = await client.query<{ name: string; sha256: string }>(
    'SELECT name, sha256 FROM schema_migration ORDER BY name COLLATE "C"',
  )
  const files = migrationFiles()
  for (const [i, { name, sha256 }] of applied.entries()) {
    if (files[i] !== name || digestOf(name) !== sha256)
      throw new StartError(
        `The database was made by another version of Keystead (${name}): use that version or a newer one.`,
      )
  }
  for (const name of files.slice(applied.length)) {
    await client.query('BEGIN')
    try {
      await client.query(textOf(name))
      await client.query('INSERT INTO schema_migration VALUES ($1, $2)', [name, digestOf(name)])
      await client.query('COMMIT')
    } catch (cause) {
      await client.query('ROLLBACK')
      throw cause
    }
  }
}

const CREATE_MIGRATIONS =
  'CREATE TABLE IF NOT EXISTS schema_migration (name text PRIMARY KEY, sha256 text NOT NULL)'

async function applyAll(client: ClientBase): Promise<void> {
  await client.query(CREATE_MIGRATIONS)
  for (const name of migrationFiles()) await client.query(textOf(name))
}

function migrationFiles(): string[] {
  return readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .sort()
}

function textOf(name: string): string {
  return readFileSync(join(MIGRATIONS, name), 'utf8')
}

function digestOf(name: string): string {
  return createHash('sha256')
    .update(readFileSync(join(MIGRATIONS, name)))
    .digest('hex')
}
