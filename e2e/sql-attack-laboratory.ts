import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { raiseIntegrityAlarms } from '../packages/server/src/audit/alarm.ts'
import { jsonLog } from '../packages/server/src/log.ts'
import { asSuperuser } from '../packages/server/src/storage/postgres/database.test-support.ts'
import { CheckpointPublisher } from '../packages/server/src/audit/publish.ts'
import { openEpoch } from '../packages/server/src/audit/epoch.ts'
import { openNode } from '../packages/server/src/storage/postgres/nodes.test-support.ts'
import {
  closeOnce,
  FakeClock,
  openWorld,
  type Scope,
  testKeyring,
} from '../packages/server/src/world.test-support.ts'
import { Attacker, type Dialect } from './sql-attacker.ts'
import { NOW, type Scene, type Server, setScene } from './sql-attack-scene.ts'

/** One installation with the scene in it, on a database that an attack may spoil. */
export interface Victim {
  readonly scene: Scene
  readonly attacker: Attacker
  /** Starts a server on it; throws what a refused start throws. */
  readonly open: () => Promise<Server>
}

/** Makes victims, each a fresh copy. */
export interface Laboratory {
  readonly name: string
  victim(scope: Scope): Promise<Victim>
}

/** Cleaning up after one attack, last thing first. */
export class AttackScope implements Scope {
  readonly #cleanings: (() => unknown)[] = []

  after(clean: () => unknown): void {
    this.#cleanings.push(clean)
  }

  async end(): Promise<void> {
    for (const clean of this.#cleanings.splice(0).reverse()) await clean()
  }
}

/** Copies of one folder. The original goes with `scope`. */
export async function sqliteLaboratory(scope: Scope): Promise<Laboratory> {
  const original = mkdtempSync(join(tmpdir(), 'keystead-scene-'))
  scope.after(() => rmSync(original, { recursive: true, force: true }))
  const server = await openOnFolder(scope, original, new FakeClock())
  const scene = await setScene(server, new Attacker(sqliteDialect(original)))
  await server.close()
  return {
    name: 'SQLite',
    async victim(own) {
      const folder = mkdtempSync(join(tmpdir(), 'keystead-victim-'))
      own.after(() => rmSync(folder, { recursive: true, force: true }))
      cpSync(original, folder, { recursive: true })
      return {
        scene,
        attacker: new Attacker(sqliteDialect(folder)),
        open: async () => openOnFolder(own, folder, clockAt(NOW), scene),
      }
    },
  }
}

async function openOnFolder(scope: Scope, folder: string, clock: FakeClock, scene?: Scene): Promise<Server> {
  const projectId = scene?.projectIds[0]
  const world = await openWorld(scope, { folder, clock, ...(projectId === undefined ? {} : { projectId }) })
  return {
    ...world,
    publish: async () => world.publisher.publish(),
    close: async () => closeOnce(world.store),
  }
}

/** The triggers go and come back around each change, since a start compares the schema. */
function sqliteDialect(folder: string): Dialect {
  const open = (): DatabaseSync =>
    new DatabaseSync(join(folder, 'keystead.db'), { timeout: 5_000, enableForeignKeyConstraints: false })
  return {
    async run(sql) {
      const database = open()
      const triggers = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all()
      const drop = triggers.map(({ name }) => `DROP TRIGGER ${String(name)};`).join('\n')
      const restore = triggers.map((row) => `${String(row['sql'])};`).join('\n')
      try {
        database.exec(`BEGIN IMMEDIATE; ${drop} ${sql}; ${restore} COMMIT`)
      } finally {
        database.close()
      }
    },
    async rows(sql) {
      const database = open()
      try {
        return database.prepare(sql).all()
      } finally {
        database.close()
      }
    },
    bytes: (value) => `x'${Buffer.from(value).toString('hex')}'`,
  }
}

/** Copies of one database of the PostgreSQL at `url`. The original goes with `scope`. */
export async function postgresLaboratory(scope: Scope, url: string): Promise<Laboratory> {
  const original = await newDatabase(scope, url, null)
  const folder = mkdtempSync(join(tmpdir(), 'keystead-scene-'))
  scope.after(() => rmSync(folder, { recursive: true, force: true }))
  const server = await openOnUrl(scope, original, folder)
  const scene = await setScene(server, new Attacker(postgresDialect(original)))
  await server.close()
  return {
    name: 'PostgreSQL',
    async victim(own) {
      const copy = await newDatabase(own, url, original)
      const ownFolder = mkdtempSync(join(tmpdir(), 'keystead-victim-'))
      own.after(() => rmSync(ownFolder, { recursive: true, force: true }))
      cpSync(folder, ownFolder, { recursive: true })
      return {
        scene,
        attacker: new Attacker(postgresDialect(copy)),
        open: async () => {
          const started = await openOnUrl(own, copy, ownFolder, scene)
          started.clock.now = NOW
          return started
        },
      }
    },
  }
}

async function newDatabase(scope: Scope, url: string, template: string | null): Promise<string> {
  const name = `keystead_attack_${randomBytes(6).toString('hex')}`
  const from = template === null ? '' : ` TEMPLATE ${new URL(template).pathname.slice(1)}`
  await asSuperuser(url, `CREATE DATABASE ${name}${from}`)
  scope.after(async () => asSuperuser(url, `DROP DATABASE ${name} WITH (FORCE)`))
  const made = new URL(url)
  made.pathname = `/${name}`
  return made.href
}

async function openOnUrl(scope: Scope, url: string, folder: string, scene?: Scene): Promise<Server> {
  const known = scene?.projectIds[0]
  const node = await openNode(scope, url, folder, known === undefined ? {} : { known })
  const { store } = node
  const log = jsonLog(() => undefined, node.clock.read)
  raiseIntegrityAlarms(store, log)
  // One guard for all that ever ran on this database, as one on a disk of its own would be.
  const keyring = testKeyring()
  const publicKey = keyring.checkpointPublicKey
  const guardFile = join(folder, 'checkpoint.guard')
  const origin = await openEpoch({ store, guardFile, publicKey, acceptRollback: false })
  const publisher = await CheckpointPublisher.open({ store, keyring, origin, guardFile, log })
  return {
    ...node,
    publish: async () => publisher.publish(),
    close: async () => closeOnce(node.store),
  }
}

function postgresDialect(url: string): Dialect {
  return {
    async run(sql) {
      await asSuperuser(url, `SET session_replication_role = replica; ${sql}`)
    },
    rows: async (sql) => asSuperuser(url, sql),
    bytes: (value) => `'\\x${Buffer.from(value).toString('hex')}'::bytea`,
  }
}

function clockAt(now: number): FakeClock {
  const clock = new FakeClock()
  clock.now = now
  return clock
}
