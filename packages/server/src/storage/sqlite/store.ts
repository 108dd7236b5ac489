import type { Frontier, MerkleNode } from '@keystead/protocol/merkle'
import type { Kysely } from 'kysely'
import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { DomainError } from '../../errors.ts'
import { CommittedRecords } from '../committed-records.ts'
import { Alarms } from '../alarms.ts'
import { checkEverything } from '../full-fold.ts'
import { gather } from '../gather.ts'
import { type Head, readHead, saveHead } from '../head.ts'
import { type NewLeaf, newLeaf } from '../leaf.ts'
import { loadState } from '../load.ts'
import { LogFold, lookUpIds } from '../log-fold.ts'
import { createReader } from '../reader.ts'
import { keepCheckpoint } from '../checkpoints.ts'
import type { AddressUse, JobCursor, SignedCheckpoint, UsePeriod, UseRollUp } from '../records.ts'
import { saveCursor } from '../schedule-writes.ts'
import { captureLog, resumedFold } from '../resume.ts'
import { RowReader } from '../row-reader.ts'
import { RefusedRowError } from '../rows.ts'
import type { DraftVersions } from '../row-versions.ts'
import { snapshotOf } from '../snapshot.ts'
import { sweep, type Swept } from '../sweep.ts'
import type {
  Changes,
  Check,
  Committed,
  Integrity,
  Provenance,
  Reader,
  RecordedEvent,
  RefusedRow,
  Snapshot,
  Resume,
  Store,
  Sweep,
  Transaction,
  UseSums,
} from '../store.ts'
import { Statements } from '../statements.ts'
import { flushWrites, OpenTransaction } from '../transaction.ts'
import type { Tables } from '../tables.ts'
import { addAddressUse } from '../address-uses.ts'
import { forgetDoneRequests } from '../done-requests.ts'
import { addUses, claimUses, forgetUses } from '../use-writes.ts'
import type { VersionTable } from '../version-table.ts'
import { answeringOver, isDatabaseError, kyselyOver } from './driver.ts'
import type { OpenDatabase } from './open.ts'
import { withoutWaiting } from './turn.ts'

/** Bounds what one fsync can take along, and so how long the first in a batch waits for the last. */
const BATCH_MAX = 128
/** A batch waits for more until none has come for this long, and never longer than about one commit takes. */
const GATHER_QUIET_MS = 0.3
const GATHER_MS_MAX = 1.5
/** Beyond this the disk does not keep up: refuse at once rather than let every caller time out. */
const QUEUE_MAX = 4_096
/** How long changes wait for another program that holds the database, and how often they look. */
const LOCK_WAIT_MS_MAX = 5_000
const LOCK_RETRY_MS = 10

/**
 * The store on SQLite. Reads the log to its sealed head and the rows that it leads to; from then on the tree's right
 * edge and the version of every row are kept in memory. `onLoaded` gets every record that is kept in memory elsewhere,
 * on the way. With `resume` it goes on from what an earlier run captured, if the log has that. StartError when the log is
 * not what the last commit left; a row that is not is left out (onRefused).
 */
export async function openSqliteStore(
  database: OpenDatabase,
  integrity: Integrity,
  onLoaded: (changes: Changes) => void = () => undefined,
  resume: Resume | null = null,
): Promise<Store> {
  const db = kyselyOver(database.reader)
  const alarms = new Alarms()
  const fold = (await resumedFold(resume, db, integrity)) ?? new LogFold(integrity.isOurs)
  const onRefused = (row: RefusedRow): void => alarms.raise(row)
  const rows = new RowReader(integrity.rowMac, (id) => fold.versions.versionOf(id), onRefused)
  const head = await readHead(db, integrity.headMac)
  const reader = createReader(db, rows, integrity.isOurs)
  await loadState({ db, reader, integrity, head, onLoaded, onRefused }, fold)
  return new SqliteStore(database, integrity, rows, fold, alarms)
}

interface Job {
  /** `versions` is the job's own draft. */
  readonly run: (versions: DraftVersions) => Promise<Leaf | null>
  /** Called when the savepoint is over, whatever came of it: work that is still waiting for something can write no more. */
  readonly end: () => void
  readonly done: (position: number | null) => void
  readonly failed: (error: unknown) => void
}

interface Leaf extends NewLeaf {
  readonly event: RecordedEvent
  readonly targetIds: readonly string[]
  readonly actorId: string | null
  readonly changes: Changes
}

/**
 * Group commit: each logical transaction is a savepoint in a shared BEGIN IMMEDIATE, answered after the outer COMMIT is
 * on disk (synchronous=FULL). A failed COMMIT fails all of them (invariant 3).
 */
class SqliteStore implements Store {
  readonly reader: Reader
  readonly #database: OpenDatabase
  readonly #writer: DatabaseSync
  readonly #statements: Statements
  readonly #integrity: Integrity
  readonly #versions: VersionTable
  readonly #alarms: Alarms
  readonly #readerDb: Kysely<Tables>
  readonly #records: CommittedRecords
  readonly #queue: Job[] = []
  readonly #listeners: ((changes: Changes, size: number) => void)[] = []
  #frontier: Frontier
  #halted: string | null = null
  #checking: Promise<Check> | null = null
  #closing = false
  #lastBatch = 0
  #draining: Promise<void> | null = null

  constructor(database: OpenDatabase, integrity: Integrity, rows: RowReader, fold: LogFold, alarms: Alarms) {
    this.#versions = fold.versions
    this.#alarms = alarms
    this.#readerDb = answeringOver(database.reader)
    this.#records = new CommittedRecords(fold.versions)
    this.#database = database
    this.#writer = database.writer
    this.#statements = new Statements(kyselyOver(database.writer))
    this.#integrity = integrity
    this.reader = createReader(this.#readerDb, rows, integrity.isOurs)
    this.#frontier = fold.frontier
  }

  async transact<T>(provenance: Provenance, work: (tx: Transaction) => Promise<T>): Promise<Committed<T>> {
    if (this.#halted !== null) throw new DomainError('audit.halted', this.#halted)
    let value: T | undefined
    let tx: OpenTransaction | null = null
    const run = async (versions: DraftVersions): Promise<Leaf | null> => {
      const refuse = (row: RefusedRow): Error => {
        this.#alarms.raise(row)
        return new RefusedRowError(row)
      }
      tx = new OpenTransaction(this.#statements, this.#integrity, versions, this.#records, refuse)
      value = await work(tx)
      const ended = tx.end(provenance)
      const { event, targets, changes } = ended
      await flushWrites(this.#statements, ended)
      if (event === null) return null
      return {
        ...newLeaf(this.#integrity, provenance, event, targets),
        event,
        targetIds: lookUpIds(targets, event),
        actorId: provenance.actor.id,
        changes,
      }
    }
    const position = await this.#enqueue(run, () => tx?.abandon())
    return { value: value as T, position }
  }

  async claimUses(limit: number): Promise<UseRollUp | null> {
    return this.#write(async () => claimUses(this.#statements, limit))
  }

  async addUses(rollUp: UseRollUp, sums: UseSums): Promise<boolean> {
    return this.#write(async () => addUses(this.#statements, rollUp, sums))
  }

  async forgetUses(what: 'segments' | UsePeriod, before: number, limit: number): Promise<number> {
    return this.#write(async () => forgetUses(this.#statements, what, before, limit))
  }

  async forgetDoneRequests(before: number, limit: number): Promise<number> {
    return this.#write(async () => forgetDoneRequests(this.#statements, before, limit))
  }

  async addAddressUses(uses: readonly AddressUse[]): Promise<void> {
    for (const use of uses) await this.#write(async () => addAddressUse(this.#statements, use))
  }

  async saveCursor(name: string, cursor: JobCursor): Promise<void> {
    await this.#write(async () => saveCursor(this.#statements, name, cursor))
  }

  async saveCheckpoint(checkpoint: SignedCheckpoint): Promise<void> {
    await this.#write(async () => keepCheckpoint(this.#statements, checkpoint))
  }

  onCommitted(listener: (changes: Changes, size: number) => void): void {
    this.#listeners.push(listener)
  }

  onRefused(listener: (row: RefusedRow) => void): void {
    this.#alarms.listen(listener)
  }

  async sweep(): Promise<Sweep> {
    return sweep(this.#swept())
  }

  async check(): Promise<Check> {
    this.#checking ??= checkEverything(this.#swept()).finally(() => {
      this.#checking = null
    })
    return this.#checking
  }

  #swept(): Swept {
    return {
      db: this.#readerDb,
      reader: this.reader,
      integrity: this.#integrity,
      versions: this.#versions,
      head: this.head(),
      onRefused: (row) => this.#alarms.raise(row),
    }
  }

  async snapshot(): Promise<Snapshot> {
    const connection = this.#database.openReader()
    try {
      // The first read begins the snapshot. Committing and moving the head on are one step of this thread, so that what
      // is read here and the head are of one moment.
      connection.exec('BEGIN; SELECT size FROM audit_head')
    } catch (cause) {
      connection.close()
      throw new DomainError('storage.unavailable', null, { cause })
    }
    const close = async (): Promise<void> => connection.close()
    return snapshotOf({ db: answeringOver(connection), head: this.head(), integrity: this.#integrity, close })
  }

  isLeader(): boolean {
    return true
  }

  ageMs(): number {
    return 0
  }

  capture(): ReturnType<Store['capture']> {
    return captureLog(this.#frontier, this.#versions)
  }

  head(): Head {
    return { size: this.#frontier.size, root: this.#frontier.root() }
  }

  halt(why: string): void {
    this.#halted = why
  }

  halted(): string | null {
    return this.#halted
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#draining
    this.#database.close()
  }

  /** Runs what records no event, in a batch with others. */
  async #write<T>(work: () => Promise<T>): Promise<T> {
    let value: T | undefined
    await this.#enqueue(async () => {
      value = await work()
      return null
    })
    return value as T
  }

  async #enqueue(run: Job['run'], end: () => void = () => undefined): Promise<number | null> {
    if (this.#closing) throw new DomainError('server.stopping')
    if (this.#queue.length >= QUEUE_MAX) throw new DomainError('server.overloaded')
    return new Promise((done, failed) => {
      this.#queue.push({ run, end, done, failed })
      this.#draining ??= this.#drain()
    })
  }

  async #drain(): Promise<void> {
    try {
      do {
        await this.#gather()
        const batch = this.#queue.splice(0, BATCH_MAX)
        this.#lastBatch = batch.length
        await this.#commitBatch(batch)
      } while (this.#queue.length > 0)
    } finally {
      // In one step with the last look at the queue: whatever is queued from here on starts the next drain.
      this.#draining = null
    }
  }

  /** Who is alone waits for one turn only. */
  async #gather(): Promise<void> {
    const waiting = (): number => this.#queue.length
    const quietMs = this.#lastBatch > 1 ? GATHER_QUIET_MS : 0
    await gather({ waiting, max: BATCH_MAX, quietMs, maxMs: GATHER_MS_MAX })
  }

  async #commitBatch(batch: readonly Job[]): Promise<void> {
    const succeeded: { job: Job; leaf: Leaf | null; position: number | null }[] = []
    const frontier = this.#frontier.clone()
    const versions = this.#versions.draft()
    const nodes: MerkleNode[] = []
    try {
      await this.#begin()
      for (const job of batch) {
        const leaf = await this.#runInSavepoint(job, versions)
        if (leaf === undefined) continue
        const position = leaf === null ? null : frontier.size
        if (leaf !== null) nodes.push(...frontier.append(leaf.hash))
        succeeded.push({ job, leaf, position })
      }
      await this.#insertLeaves(succeeded, nodes)
      if (frontier.size > this.#frontier.size)
        await saveHead(
          this.#statements,
          { size: frontier.size, root: frontier.root() },
          this.#integrity.headMac,
        )
      this.#writer.exec('COMMIT')
    } catch (cause) {
      this.#rollback()
      if (isTaken(cause))
        this.halt(`position ${this.#frontier.size} of the log holds a leaf that this server did not write`)
      const error =
        this.#halted === null
          ? new DomainError('storage.unavailable', null, { cause })
          : new DomainError('audit.halted', this.#halted, { cause })
      for (const job of batch) job.failed(error)
      return
    }
    this.#frontier = frontier
    this.#versions.adopt(versions)
    const made = succeeded.flatMap(({ leaf }) => (leaf === null ? [] : [leaf.changes]))
    const changes = {
      keys: made.flatMap(({ keys }) => keys),
      owners: made.flatMap(({ owners }) => owners),
      roles: made.flatMap(({ roles }) => roles),
      importSources: made.flatMap(({ importSources }) => importSources),
      withdrawn: [],
    }
    for (const listener of this.#listeners) listener(changes, frontier.size)
    for (const { job, position } of succeeded) job.done(position)
  }

  /** Waits for a lock that another program holds, a backup for instance, while the loop goes on verifying. */
  async #begin(): Promise<void> {
    const overdue = performance.now() + LOCK_WAIT_MS_MAX
    for (;;) {
      try {
        this.#writer.exec('BEGIN IMMEDIATE')
        return
      } catch (error) {
        if (!isLocked(error) || performance.now() > overdue) throw error
        await sleep(LOCK_RETRY_MS)
      }
    }
  }

  /** The job's leaf, null when it needs none, undefined when it failed and was undone. Throws when the batch is lost. */
  async #runInSavepoint(job: Job, batch: DraftVersions): Promise<Leaf | null | undefined> {
    this.#writer.exec('SAVEPOINT job')
    try {
      const versions = batch.draft()
      const leaf = await withoutWaiting(job.run(versions))
      this.#writer.exec('RELEASE job')
      batch.adopt(versions)
      return leaf
    } catch (error) {
      // SQLite ends the whole transaction itself on a full disk or an I/O error.
      if (!this.#writer.isTransaction) throw error
      this.#writer.exec('ROLLBACK TO job; RELEASE job')
      job.failed(
        isDatabaseError(error) ? new DomainError('storage.unavailable', null, { cause: error }) : error,
      )
      return undefined
    } finally {
      job.end()
    }
  }

  async #insertLeaves(
    succeeded: readonly { leaf: Leaf | null; position: number | null }[],
    nodes: readonly MerkleNode[],
  ): Promise<void> {
    const leaves = succeeded.flatMap(({ leaf, position }) =>
      leaf === null || position === null ? [] : [{ leaf, position }],
    )
    if (leaves.length === 0) return
    const entries = leaves.map(({ leaf, position }) => ({
      position,
      leaf: leaf.bytes,
      leaf_hash: leaf.hash,
      action: leaf.event.action,
      batch: leaf.batch,
    }))
    await this.#statements.insert('audit_entry', entries)
    const targets = leaves.flatMap(({ leaf, position }) =>
      leaf.targetIds.map((target_id) => ({ target_id, position })),
    )
    await this.#statements.insert('audit_target', targets)
    const actors = leaves.flatMap(({ leaf, position }) =>
      leaf.actorId === null ? [] : [{ actor_id: leaf.actorId, position }],
    )
    await this.#statements.insert('audit_actor', actors)
    const rows = nodes.map(({ level, index, hash }) => ({ level, idx: index, hash }))
    await this.#statements.insert('audit_node', rows)
  }

  #rollback(): void {
    if (this.#writer.isTransaction) this.#writer.exec('ROLLBACK')
  }
}

/** Somebody else has put a row where this batch's leaf or node belongs. */
function isTaken(error: unknown): boolean {
  return error instanceof Error && /UNIQUE constraint failed: audit_(entry|node)\b/.test(error.message)
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && /database is locked/.test(error.message)
}
