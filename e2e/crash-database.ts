import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { SEALED, type SealedCodec, targetType } from '../packages/server/src/storage/rows.ts'
import { compare, type LogFold, type LoggedTarget, type Standing } from './crash-ledger.ts'

/**
 * Reads the database as it lies on disk, in one read transaction: takes the entries that are new since the last time
 * into the fold, and answers with every difference between rows and log.
 */
export function inspectSqlite(path: string, log: LogFold): string[] {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    database.exec('BEGIN')
    const entries = database.prepare(
      'SELECT position, leaf, batch FROM audit_entry WHERE position >= ? ORDER BY position',
    )
    for (const row of entries.iterate(log.size)) {
      const { position, leaf, batch } = row as unknown as Entry
      log.add(position, targetsOf(leaf, batch))
    }
    const last = database.prepare('SELECT COALESCE(MAX(position) + 1, 0) AS size FROM audit_entry').get()
    const lost =
      Number(last?.['size']) === log.size
        ? []
        : [`the log had ${log.size} entries, now ${String(last?.['size'])}`]
    return [...lost, ...log.problems, ...compare(readStandings(database), log.standing)]
  } finally {
    database.close()
  }
}

/** Longer than a new process needs to take over from one that was killed. */
const SETTLE_MS_MAX = 15_000

/**
 * As inspectSqlite, for the database at a URL, once every leaf that waited has its position. No server may have found
 * anything wrong: an alarm in the log is a difference too.
 */
export async function inspectPostgres(url: string, log: LogFold): Promise<string[]> {
  const client = new Client({ connectionString: url, options: '-c search_path=keystead' })
  await client.connect()
  try {
    const overdue = performance.now() + SETTLE_MS_MAX
    for (let waiting = 1; waiting > 0;) {
      waiting = (await client.query('SELECT FROM audit_pending')).rowCount ?? 0
      if (waiting > 0 && performance.now() > overdue) return [`${waiting} leaves got no position`]
      if (waiting > 0) await pause(50)
    }
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    const from =
      'SELECT position::int, leaf, batch, action FROM audit_entry WHERE position >= $1 ORDER BY position'
    const { rows: entries } = await client.query<Entry & { action: string }>(from, [log.size])
    for (const { position, leaf, batch } of entries) log.add(position, targetsOf(leaf, batch))
    const alarms = entries
      .filter(({ action }) => action === 'integrity.alarm')
      .map(({ leaf }) => `alarm: ${textOf(leaf)}`)
    const { rows: size } = await client.query<{ size: string }>('SELECT size FROM audit_head')
    const lost =
      Number(size[0]?.size ?? 0) === log.size ? [] : [`the head says ${size[0]?.size}, not ${log.size}`]
    const standings = new Map<string, Standing>()
    for (const codec of SEALED) {
      const { rows } = await client.query<Record<string, unknown>>(selectStandings(codec))
      for (const row of rows) noteStanding(standings, codec, row)
    }
    return [...lost, ...alarms, ...log.problems, ...compare(standings, log.standing)]
  } finally {
    await client.end()
  }
}

interface Entry {
  readonly position: number
  readonly leaf: Uint8Array
  readonly batch: Uint8Array | null
}

/** What a leaf changed, itself or, with more than it can name, through its batch. */
function targetsOf(leaf: Uint8Array, batch: Uint8Array | null): readonly LoggedTarget[] {
  const { targets } = JSON.parse(textOf(leaf)) as { readonly targets: readonly LoggedTarget[] }
  if (batch === null) return targets
  return textOf(batch)
    .split('\n')
    .map((line) => JSON.parse(line) as LoggedTarget)
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}

/** Every row that the log speaks of: those of all sealed tables. */
function readStandings(database: DatabaseSync): Map<string, Standing> {
  const standings = new Map<string, Standing>()
  for (const codec of SEALED)
    for (const row of database.prepare(selectStandings(codec)).iterate()) noteStanding(standings, codec, row)
  return standings
}

function selectStandings({ table, columns }: SealedCodec): string {
  const names: readonly string[] = columns
  return `SELECT ${['id', 'version', 'kind', 'state'].filter((name) => names.includes(name)).join()} FROM ${table}`
}

function noteStanding(
  standings: Map<string, Standing>,
  { table }: SealedCodec,
  row: Readonly<Record<string, unknown>>,
): void {
  const state = typeof row['state'] === 'string' ? row['state'] : 'active'
  standings.set(`${targetType(table, row)} ${String(row['id'])}`, { version: Number(row['version']), state })
}
