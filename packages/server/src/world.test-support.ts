// A whole installation in a temporary folder, with a fake clock and without HTTP.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAddress } from '@keystead/protocol/address'
import type { Environment } from '@keystead/protocol/api-key'
import { type Decision, decide } from '@keystead/protocol/decision'
import { compileGrants } from '@keystead/protocol/permission'
import { parsePermissionQuery } from '@keystead/protocol/permission-query'
import type { Action } from './access/actions.ts'
import { authorize, type Authorized } from './access/authorize.ts'
import { raiseIntegrityAlarms } from './audit/alarm.ts'
import { createIntegrity } from './audit/append.ts'
import { openEpoch } from './audit/epoch.ts'
import { CheckpointPublisher } from './audit/publish.ts'
import { initialize } from './bootstrap.ts'
import type { Clock } from './clock.ts'
import type { Domain } from './domain.ts'
import { hashText } from './hash.ts'
import { type KeyId, newId, type ProjectId } from './ids.ts'
import type { Keyring } from './keystore/keystore.ts'
import { openKeyring } from './keystore/keyring.ts'
import { jsonLog, type Log } from './log.ts'
import { systemRandom } from './random.ts'
import { Secret } from './secret.ts'
import { resumeFrom, SnapshotKeeper } from './snapshot/keeper.ts'
import type { StoreParts } from './storage/database.ts'
import { openDatabase, type OpenDatabase } from './storage/sqlite/open.ts'
import { openSqliteStore } from './storage/sqlite/store.ts'
import type { Integrity, Store } from './storage/store.ts'
import type { AddressCounter } from './verify/addresses.ts'
import { KeyIndex } from './verify/index.ts'
import { type OpenVerifier, openVerifier } from './verify/open.ts'
import type { Emitter } from './usage/record.ts'
import type { UsageRecorder } from './usage/recorder.ts'
import { rollUpAllUses } from './usage/roll-up.ts'

/** 2026-11-22T00:00:00Z */
export const START = 1_795_305_600_000
export const SECOND = 1_000
export const HOUR = 3_600_000
export const DAY = 24 * HOUR

export class FakeClock {
  now = START
  readonly read: Clock = () => this.now

  advance(ms: number): void {
    this.now += ms
  }
}

/** Whatever ends, a test as a rule, and cleans up then. */
export interface Scope {
  after(clean: () => unknown): void
}

/** A new folder that is removed after the test. */
export function temporaryFolder(t: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), 'keystead-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The same root key each time, so that a second start opens what the first one wrote. */
export function testKeyring(): Keyring {
  using root = new Secret(new Uint8Array(32).fill(7))
  return openKeyring(root)
}

export function testIntegrity(clock: Clock, keyring: Keyring = testKeyring()): Integrity {
  const boot = newId('boot', clock, systemRandom)
  return createIntegrity({ keyring, clock, random: systemRandom, boot, node: 'test' })
}

/** A running installation, on whatever database. */
export interface Installation {
  readonly folder: string
  readonly clock: FakeClock
  readonly store: Store
  readonly domain: Domain
  readonly index: KeyIndex
  readonly usage: UsageRecorder
  readonly addresses: AddressCounter
  /** The name under which this process accounts for use. */
  readonly emitter: Emitter
  readonly verifier: OpenVerifier
  readonly publisher: CheckpointPublisher
  /** Writes a snapshot when a test asks for it; the next start in the folder goes on from it. */
  readonly keeper: SnapshotKeeper
  readonly log: Log
  readonly logLines: readonly string[]
  /** The text of the bootstrap root key; empty after a restart. */
  readonly bootstrap: string
  readonly projectId: ProjectId
}

/** What the tests need to look behind the program. */
export interface World extends Installation {
  readonly database: OpenDatabase
}

export interface InstallationOptions {
  readonly folder?: string
  readonly clock?: FakeClock
  readonly newEpoch?: boolean
  /** For a database in which projects cannot be listed. */
  readonly projectId?: ProjectId
  readonly keyring?: Keyring
}

export interface WorldOptions extends InstallationOptions {
  /** What the store gets in the place of the database. */
  readonly wrapDatabase?: (database: OpenDatabase) => OpenDatabase
}

/** Starts an installation on SQLite, or goes on with the one in `folder`. It stops after the test. */
export async function openWorld(t: Scope, options: WorldOptions = {}): Promise<World> {
  const { folder = temporaryFolder(t), wrapDatabase = (each: OpenDatabase) => each } = options
  const database = openDatabase(folder)
  const openStore = async ({ integrity, onLoaded, resume }: StoreParts): Promise<Store> =>
    openSqliteStore(wrapDatabase(database), integrity, onLoaded, resume).catch((error: unknown) => {
      database.close()
      throw error
    })
  return { ...(await openInstallation(t, { ...options, folder }, openStore)), database }
}

/** As openWorld, on the store that `openStore` opens. */
export async function openInstallation(
  t: Scope,
  options: InstallationOptions & { readonly folder: string },
  openStore: (parts: StoreParts) => Promise<Store>,
): Promise<Installation> {
  const { folder, clock = new FakeClock(), keyring = testKeyring() } = options
  const logLines: string[] = []
  const log = jsonLog((line) => logLines.push(line), clock.read)
  const index = new KeyIndex()
  const emitter = testEmitter(clock.read)
  const store = await openStore({
    ...{ integrity: testIntegrity(clock.read, keyring), clock: clock.read, boot: emitter.boot },
    onLoaded: (changes) => index.add(changes),
    resume: resumeFrom(folder, keyring, index, log),
  })
  index.follow(store)
  t.after(() => closeOnce(store))
  const domain: Domain = { store, clock: clock.read, random: systemRandom, cipher: keyring, brand: 'ks' }
  const first = store.head().size === 0 ? await initialize(domain) : null
  const guardFile = join(folder, 'checkpoint.guard')
  const publicKey = keyring.checkpointPublicKey
  const acceptRollback = options.newEpoch ?? false
  const openPublisher = async (): Promise<CheckpointPublisher> => {
    const origin = await openEpoch({ store, guardFile, publicKey, acceptRollback })
    return CheckpointPublisher.open({ store, keyring, origin, guardFile, log })
  }
  const publisher = await openPublisher().catch(async (error: unknown) => {
    await closeOnce(store)
    throw error
  })
  raiseIntegrityAlarms(store, log)
  const verifier = openVerifier(domain, index, emitter, log)
  const projectId = options.projectId ?? (await firstProject(store))
  return {
    ...{ folder, clock, store, domain, index, emitter, verifier, publisher },
    usage: verifier.usage,
    addresses: verifier.addresses,
    keeper: new SnapshotKeeper({ dataDir: folder, keyring, store, index, log }),
    ...{ log, logLines },
    bootstrap: first?.secret.reveal() ?? '',
    projectId,
  }
}

/** A process that has just started. */
export function testEmitter(clock: Clock = () => START): Emitter {
  return { boot: newId('boot', clock, systemRandom), node: 'test' }
}

/** Stores what has been written down of uses, and adds it up. */
export async function countUses({ usage, addresses, domain, log }: Installation): Promise<void> {
  await usage.flush()
  await addresses.flush()
  await rollUpAllUses(domain, log)
}

/** The project that an installation begins with. */
export async function firstProject(store: Store): Promise<ProjectId> {
  const [project] = (await store.reader.projects(null, { limit: 1, cursor: null })).items
  if (project === undefined) throw new Error('an installation has a project')
  return project.id
}

const closed = new WeakSet<Store>()

/** Closes a store unless a test has done so already. */
export async function closeOnce(store: Store): Promise<void> {
  if (closed.has(store)) return
  closed.add(store)
  await store.close()
}

/** An authorization as the pipeline makes it for a root key with these permissions and bounds. */
export function may<A extends Action>(
  action: A,
  bounds: {
    readonly permissions?: readonly string[]
    readonly projectId?: ProjectId | null
    readonly environment?: Environment | null
  } = {},
): Authorized<A> {
  const { permissions = ['*'], projectId = null, environment = null } = bounds
  const caller = {
    keyId: newId('key', () => START, systemRandom),
    reach: { projectId, environment },
    grants: compileGrants(permissions),
  } satisfies { keyId: KeyId } & Record<string, unknown>
  const request = {
    id: newId('request', () => START, systemRandom),
    operation: `test.${action.replace(':', '.')}`,
  }
  return authorize(caller, action, { stepUp: false, approvals: 0 }, request)
}

/** The decision on a key text for a caller of one project and environment. */
export function ask(
  world: Installation,
  text: string,
  question: {
    permission?: string | null
    address?: string
    environment?: Environment
    projectId?: ProjectId
  } = {},
): Decision {
  const { permission = null, environment = 'production', projectId = world.projectId } = question
  const query = permission === null ? null : parsePermissionQuery(permission).query
  const address = question.address === undefined ? null : parseAddress(question.address)
  return decide(
    { text, kind: 'key', projectId, environment, permission: query, address, now: world.clock.now },
    (locator) => world.index.lookup(locator),
    hashText,
  )
}
