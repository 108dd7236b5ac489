import type { Clock } from '../clock.ts'
import { readSecretFile } from '../secret-file.ts'
import { openPostgres } from './postgres/open.ts'
import { openPostgresStore } from './postgres/store.ts'
import { databaseExists, openDatabase } from './sqlite/open.ts'
import { openSqliteStore } from './sqlite/store.ts'
import type { Changes, Integrity, Resume, Store } from './store.ts'

/** Where the installation is kept. */
export interface Database {
  /** Whether nothing was ever committed to it, so that a new installation may be made. */
  readonly isNew: boolean
  open(parts: StoreParts): Promise<Store>
}

export interface StoreParts {
  readonly integrity: Integrity
  readonly clock: Clock
  /** This run of this process, unlike every other. */
  readonly boot: string
  /** Gets every record that is kept in memory elsewhere, on the way. */
  readonly onLoaded: (changes: Changes) => void
  readonly resume: Resume | null
}

/**
 * The database that the settings name: SQLite in the data folder, or PostgreSQL, which is connected to, migrated and
 * looked over at once. StartError when it cannot be used.
 */
export async function findDatabase(config: {
  readonly dataDir: string
  readonly databaseUrlFile: string | null
}): Promise<Database> {
  if (config.databaseUrlFile === null) {
    return {
      isNew: !databaseExists(config.dataDir),
      open: async ({ integrity, onLoaded, resume }) =>
        openSqliteStore(openDatabase(config.dataDir), integrity, onLoaded, resume),
    }
  }
  const database = await openPostgres(readSecretFile(config.databaseUrlFile).trim())
  return {
    isNew: database.isEmpty,
    open: async ({ boot, ...parts }) => openPostgresStore({ database, holder: boot, ...parts }),
  }
}
