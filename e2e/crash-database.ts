import { DatabaseSync } from 'node:sqlite'
import { compare, type LogFold, type LoggedTarget, type Standing } from './crash-ledger.ts'

const TABLES = ['installation', 'project', 'environment', 'owner', 'api_key'] as const

/**
 * Reads the database as it lies on disk, in one read transaction: takes the entries that are new since the last time
 * into the fold, and answers with every difference between rows and log.
 */
export function inspect(path: string, log: LogFold): string[] {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    database.exec('BEGIN')
    const entries = database.prepare(
      'SELECT position, leaf FROM audit_entry WHERE position >= ? ORDER BY position',
    )
    for (const row of entries.iterate(log.size)) {
      const { position, leaf } = row as unknown as { position: number; leaf: Uint8Array }
      const { targets } = JSON.parse(Buffer.from(leaf).toString('utf8')) as {
        targets: readonly LoggedTarget[]
      }
      log.add(position, targets)
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

function readStandings(database: DatabaseSync): Map<string, Standing> {
  const standings = new Map<string, Standing>()
  for (const table of TABLES) {
    const columns = table === 'api_key' ? 'id, version, state, kind' : 'id, version'
    for (const row of database.prepare(`SELECT ${columns} FROM ${table}`).iterate()) {
      const type = row['kind'] === 'root' ? 'root_key' : table
      const state = String(row['state'] ?? 'active')
      standings.set(`${type} ${String(row['id'])}`, { version: Number(row['version']), state })
    }
  }
  return standings
}
