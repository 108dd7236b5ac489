import { rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Client } from 'pg'
import { type Cluster, startCluster } from '../tools/postgres-cluster.ts'
import { findBinaries } from '../tools/postgres.ts'
import { inspectPostgres, inspectSqlite } from './crash-database.ts'
import type { LogFold } from './crash-ledger.ts'
import { launchServer, type Program } from './program.ts'

/** Where installations live that are killed: each data folder has a database of its own. */
export interface CrashStage {
  /** Makes what a new data folder needs before its first server. */
  prepare(dataDir: string): Promise<void>
  launch(dataDir: string): Program
  /** Takes new entries into the fold and answers with every difference between rows and log. */
  inspect(dataDir: string, log: LogFold): Promise<string[]>
  /** The server of the database, where that is a process of its own. */
  readonly server: Pick<Cluster, 'kill' | 'restart'> | null
  /** How long after the ready line a kill comes at the latest: long enough for hundreds of changes. */
  readonly loadMsMax: number
  /** How long after the ready line what has come due is done at the latest. */
  readonly settleMsMax: number
  /** Whether all of it lies in the data folder, so that a copy of that can be gone on with. */
  readonly isInFolder: boolean
  forget(dataDir: string): void
  end(): Promise<void>
}

export function sqliteStage(): CrashStage {
  return {
    prepare: async () => undefined,
    launch: (dataDir) => launchServer(dataDir),
    inspect: async (dataDir, log) => inspectSqlite(join(dataDir, 'keystead.db'), log),
    server: null,
    loadMsMax: 400,
    // Shorter than the interval of the jobs: they must not wait for it after a start.
    settleMsMax: 8_000,
    isInFolder: true,
    forget: (dataDir) => rmSync(dataDir, { recursive: true, force: true }),
    end: async () => undefined,
  }
}

/** Starts a PostgreSQL of its own. Null where there is none. */
export async function postgresStage(): Promise<CrashStage | null> {
  const binaries = findBinaries()
  if (binaries === null) return null
  const cluster = await startCluster(binaries)
  const nameOf = (dataDir: string): string => `crash_${basename(dataDir).replaceAll('-', '_')}`
  const urlOf = (dataDir: string): string => {
    const url = new URL(cluster.url)
    url.pathname = `/${nameOf(dataDir)}`
    return url.href
  }
  return {
    async prepare(dataDir) {
      const client = new Client({ connectionString: cluster.url })
      await client.connect()
      await client.query(`CREATE DATABASE ${nameOf(dataDir)}`)
      await client.end()
      writeFileSync(`${dataDir}.url`, urlOf(dataDir), { mode: 0o600 })
    },
    launch: (dataDir) => launchServer(dataDir, { env: { KEYSTEAD_DATABASE_URL_FILE: `${dataDir}.url` } }),
    inspect: async (dataDir, log) => inspectPostgres(urlOf(dataDir), log),
    server: cluster,
    loadMsMax: 800,
    // The lease of a process that was killed, and then the interval of the jobs.
    settleMsMax: 30_000,
    isInFolder: false,
    forget: (dataDir) => rmSync(dataDir, { recursive: true, force: true }),
    end: async () => cluster.stop(),
  }
}
