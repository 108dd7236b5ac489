import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { type Cluster, startCluster } from '../tools/postgres-cluster.ts'
import { findBinaries } from '../tools/postgres.ts'
import { launchServer, type Program } from './program.ts'

/** An installation on PostgreSQL: a cluster of its own, and servers that share its database and its root key. */
export class PostgresInstallation {
  readonly cluster: Cluster
  readonly folder: string
  readonly #urlFile: string
  #nodes = 0

  private constructor(cluster: Cluster) {
    this.cluster = cluster
    this.folder = mkdtempSync(join(tmpdir(), 'keystead-installation-'))
    this.#urlFile = join(this.folder, 'database-url')
    writeFileSync(this.#urlFile, `${cluster.url}\n`, { mode: 0o600 })
  }

  /** Null where there is no PostgreSQL. */
  static async start(): Promise<PostgresInstallation | null> {
    const binaries = findBinaries()
    return binaries === null ? null : new PostgresInstallation(await startCluster(binaries))
  }

  /** A new data folder for a server; from the second on with the root key of the first. */
  newFolder(): string {
    const dataDir = join(this.folder, `node-${this.#nodes}`)
    mkdirSync(dataDir, { mode: 0o700 })
    if (this.#nodes > 0)
      for (const file of ['keystore.json', 'seal.key'])
        copyFileSync(join(this.folder, 'node-0', file), join(dataDir, file))
    this.#nodes += 1
    return dataDir
  }

  launch(dataDir: string, core?: number): Program {
    const env = { KEYSTEAD_DATABASE_URL_FILE: this.#urlFile, KEYSTEAD_NODE_NAME: dataDir.slice(-6) }
    return launchServer(dataDir, { env, ...(core === undefined ? {} : { core }) })
  }

  /** The bootstrap key that the first start has written. */
  get bootstrapKey(): string {
    const file = join(this.folder, 'node-0', 'bootstrap-key')
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  }

  /** Runs SQL behind the servers' back. */
  async sql(text: string, values: unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    const client = new Client({ connectionString: this.cluster.url, options: '-c search_path=keystead' })
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(text, values)).rows
    } finally {
      await client.end()
    }
  }

  async stop(): Promise<void> {
    await this.cluster.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
