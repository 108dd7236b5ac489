import type { Kysely } from 'kysely'
import type { Clock } from '../../clock.ts'
import { jsonPart, jsonValues } from '../../compact/part.ts'
import { DomainError, StartError } from '../../errors.ts'
import { Alarms } from '../alarms.ts'
import { CommittedRecords } from '../committed-records.ts'
import { checkEverything } from '../full-fold.ts'
import type { Head } from '../head.ts'
import { newLeaf } from '../leaf.ts'
import { LogError, LogFold } from '../log-fold.ts'
import { createReader } from '../reader.ts'
import { keepCheckpoint } from '../checkpoints.ts'
import type { AddressUse, JobCursor, SignedCheckpoint, UsePeriod, UseRollUp } from '../records.ts'
import { saveCursor } from '../schedule-writes.ts'
import { captureLog, resumedFold } from '../resume.ts'
import { RowReader } from '../row-reader.ts'
import { RefusedRowError } from '../rows.ts'
import { Statements } from '../statements.ts'
import type {
  Changes,
  Check,
  Committed,
  Integrity,
  Provenance,
  Reader,
  RefusedRow,
  Snapshot,
  Resume,
  Store,
  Sweep,
  Transaction,
  UseSums,
} from '../store.ts'
import { sweep, type Swept } from '../sweep.ts'
import { type Ended, OpenTransaction } from '../transaction.ts'
import type { Tables } from '../tables.ts'
import { addAddressUse } from '../address-uses.ts'
import { forgetDoneRequests } from '../done-requests.ts'
import { addUses, claimUses, forgetUses } from '../use-writes.ts'
import { Committer, ConflictError, type Prepared } from './committer.ts'
import { kyselyOver, type Queryable } from './driver.ts'
import { isRefusal } from './failure.ts'
import { type Followed, Follower, leafKey } from './follower.ts'
import type { Verdict } from './judge.ts'
import { Listener } from './listener.ts'
import { brokenLog } from './log-reader.ts'
import type { PostgresDatabase } from './open.ts'
import { Sequencer } from './sequencer.ts'
import { inTransaction } from './session.ts'
import { openSnapshot } from './snapshot.ts'
import { Ticker } from './ticker.ts'
import { withoutWaiting, WorkStatements } from './work.ts'

/** Beyond this the database does not keep up: refuse at once rather than let every caller time out. */
const OPEN_MAX = 4_096
/** How long a committed change waits for its position: longer than another process needs to take over. */
const POSITION_MS_MAX = 10_000
/** How long work is run again because others change what it reads. */
const CONFLICT_MS_MAX = 10_000
/** Work that conflicts again though nothing has changed since it read conflicts with itself. */
const CONFLICTS_WITH_NOTHING_MAX = 2
/** A row that is ahead of the log is looked at again when the log has grown, or after this. */
const GROWTH_MS = 50
/** As often a row is read that is ahead each time: a position may take as long as another process needs to take over. */
const READS_MAX = 200
/** The log is looked at this often when no notification comes: well within the bound that verification allows. */
const POLL_EVERY_MS = 1_000
/** A process that holds the lease looks for leaves that wait, one that does not whether the lease is free. */
const SEQUENCE_EVERY_MS = 250

export interface PostgresStoreOptions {
  readonly database: PostgresDatabase
  readonly integrity: Integrity
  readonly clock: Clock
  /** The name of this process, unlike that of every other one that ever ran on this database. */
  readonly holder: string
  /** Gets every record that is kept in memory elsewhere, while the log is read at the start. */
  readonly onLoaded?: (changes: Changes) => void
  readonly resume?: Resume | null
}

const TARGETLESS = 'targetless'

/**
 * The store on PostgreSQL, for any number of processes. A change is committed with its leaf in a queue; one process at a
 * time gives out positions (Sequencer); every process follows the log (Follower) and answers a change when its own
 * memory has followed it. StartError when the log is not what this installation wrote.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  try {
    const store = new PostgresStore(options, await followedBefore(options))
    await store.start()
    return store
  } catch (error) {
    await options.database.close()
    if (error instanceof StartError) throw error
    if (error instanceof LogError) throw brokenLog(error)
    const reason = error instanceof Error ? error.message : 'unknown'
    throw new StartError(`The database cannot be read: ${reason}. See docs/operate/postgresql.md.`, {
      cause: error,
    })
  }
}

/** What an earlier run had followed of this log, or nothing. */
async function followedBefore(options: PostgresStoreOptions): Promise<Followed> {
  const { database, integrity, resume = null } = options
  const fold = await resumedFold(resume, kyselyOver(database.service), integrity)
  if (fold === null || resume === null) return { fold: new LogFold(integrity.isOurs), targetless: [] }
  return { fold, targetless: jsonValues(resume.parts, TARGETLESS) as number[] }
}

class PostgresStore implements Store {
  readonly reader: Reader
  readonly #options: PostgresStoreOptions
  readonly #reads: Kysely<Tables>
  readonly #statements: Statements
  readonly #alarms = new Alarms()
  readonly #follower: Follower
  readonly #records: CommittedRecords
  readonly #sequencer: Sequencer
  readonly #committer: Committer
  readonly #open = new Set<Promise<unknown>>()
  readonly #listeners: ((changes: Changes, size: number) => void)[] = []
  #running: { readonly polls: Ticker; readonly positions: Ticker; readonly listener: Listener } | null = null
  #halted: string | null = null
  #checking: Promise<Check> | null = null
  #closing = false

  constructor(options: PostgresStoreOptions, from: Followed) {
    const { database, integrity, clock, holder, onLoaded } = options
    const { service } = database
    const onRefused = (row: RefusedRow): void => this.#alarms.raise(row)
    this.#options = options
    this.#follower = new Follower({
      ...{ from, service, integrity, clock, onRefused },
      onChanges: (changes, size) => {
        if (this.#running === null) onLoaded?.(changes)
        for (const listener of this.#listeners) listener(changes, size)
      },
      onBroken: (why) => this.halt(`the log is not what was written: ${why}`),
    })
    this.#records = new CommittedRecords(this.#follower.fold.versions)
    this.#sequencer = new Sequencer({ service, integrity, follower: this.#follower, holder, onRefused })
    this.#committer = new Committer(
      service,
      () => !this.#sequencer.isLeader(),
      () => this.#running?.positions.kick(),
    )
    const reads = answering(database.reads)
    this.#reads = kyselyOver(reads)
    this.#statements = new Statements(this.#reads)
    const { versions } = this.#follower.fold
    const lookAgain = async ({ id }: RefusedRow, reads: number): Promise<boolean> =>
      reads < READS_MAX && this.#isWorthReading(id)
    const rows = new RowReader(integrity.rowMac, (id) => versions.versionOf(id), onRefused, lookAgain)
    this.reader = createReader(this.#reads, rows, integrity.isOurs)
  }

  /** Follows the log to its end and takes part in giving out positions from here on. */
  async start(): Promise<void> {
    await this.#follower.follow()
    await this.#sequencer.run()
    const ignore = (): void => undefined
    const polls = new Ticker(POLL_EVERY_MS, async () => this.#follower.follow(), ignore)
    const positions = new Ticker(SEQUENCE_EVERY_MS, async () => this.#sequence(), ignore)
    const listener = new Listener(this.#options.database.listener, (notice) => {
      if (notice === 'log') polls.kick()
      else if (this.#sequencer.isLeader()) positions.kick()
    })
    this.#running = { polls, positions, listener }
  }

  async transact<T>(provenance: Provenance, work: (tx: Transaction) => Promise<T>): Promise<Committed<T>> {
    if (this.#halted !== null) throw new DomainError('audit.halted', this.#halted)
    if (this.#closing) throw new DomainError('server.stopping')
    if (this.#open.size >= OPEN_MAX) throw new DomainError('server.overloaded')
    const running = this.#runAgainAndAgain(provenance, work)
    this.#open.add(running)
    try {
      return await running
    } finally {
      this.#open.delete(running)
    }
  }

  async claimUses(limit: number): Promise<UseRollUp | null> {
    return claimUses(this.#statements, limit)
  }

  async addUses(rollUp: UseRollUp, sums: UseSums): Promise<boolean> {
    return inTransaction(this.#options.database.reads, 'BEGIN', async (client) =>
      addUses(new Statements(kyselyOver(client)), rollUp, sums),
    )
  }

  async forgetUses(what: 'segments' | UsePeriod, before: number, limit: number): Promise<number> {
    return forgetUses(this.#statements, what, before, limit)
  }

  async forgetDoneRequests(before: number, limit: number): Promise<number> {
    return forgetDoneRequests(this.#statements, before, limit)
  }

  async addAddressUses(uses: readonly AddressUse[]): Promise<void> {
    for (const use of uses) await addAddressUse(this.#statements, use)
  }

  async saveCursor(name: string, cursor: JobCursor): Promise<void> {
    await saveCursor(this.#statements, name, cursor)
  }

  async saveCheckpoint(checkpoint: SignedCheckpoint): Promise<void> {
    await keepCheckpoint(this.#statements, checkpoint)
  }

  onCommitted(listener: (changes: Changes, size: number) => void): void {
    this.#listeners.push(listener)
  }

  onRefused(listener: (row: RefusedRow) => void): void {
    this.#alarms.listen(listener)
  }

  capture(): ReturnType<Store['capture']> {
    const followed = this.#follower.followed()
    if (followed === null) return null
    const { fold, targetless } = followed
    const { parts, release } = captureLog(fold.frontier, fold.versions)
    return { parts: [...parts, jsonPart(TARGETLESS, targetless)], release }
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
      db: this.#reads,
      reader: this.reader,
      integrity: this.#options.integrity,
      versions: this.#follower.fold.versions,
      head: this.head(),
      onRefused: (row) => this.#alarms.raise(row),
      lookAgain: async () => {
        await this.#follower.nextGrowth(GROWTH_MS)
        await this.#follower.follow()
      },
      isRight: async (id) => typeof (await this.#follower.examine(id)) === 'string',
    }
  }

  async snapshot(): Promise<Snapshot> {
    return openSnapshot(this.#options.database.listener, this.#options.integrity)
  }

  isLeader(): boolean {
    return this.#sequencer.isLeader()
  }

  ageMs(): number {
    return this.#follower.ageMs()
  }

  head(): Head {
    const { frontier } = this.#follower.fold
    return { size: frontier.size, root: frontier.root() }
  }

  halt(why: string): void {
    this.#halted = why
  }

  halted(): string | null {
    return this.#halted
  }

  async close(): Promise<void> {
    this.#closing = true
    await Promise.allSettled(this.#open)
    await Promise.all([this.#running?.positions.stop(), this.#running?.polls.stop()])
    await Promise.allSettled([this.#sequencer.release(), this.#running?.listener.close()])
    await this.#options.database.close()
  }

  async #sequence(): Promise<void> {
    if (this.#halted === null) await this.#sequencer.run()
  }

  async #runAgainAndAgain<T>(
    provenance: Provenance,
    work: (tx: Transaction) => Promise<T>,
  ): Promise<Committed<T>> {
    const overdue = performance.now() + CONFLICT_MS_MAX
    for (let withNothing = 0; ;) {
      const { size } = this.#follower.fold
      try {
        return await this.#runOnce(provenance, work)
      } catch (error) {
        const isOverdue = performance.now() > overdue
        if (error instanceof MovedRowError && !isOverdue) await this.#settle(error)
        else if (error instanceof ConflictError && !isOverdue && withNothing < CONFLICTS_WITH_NOTHING_MAX)
          withNothing = (await this.#isChanged(error.ids, size)) ? 0 : withNothing + 1
        else throw failureOf(error)
      }
    }
  }

  async #runOnce<T>(provenance: Provenance, work: (tx: Transaction) => Promise<T>): Promise<Committed<T>> {
    const { integrity } = this.#options
    const statements = new WorkStatements(this.#reads)
    const draft = this.#follower.fold.versions.draft()
    const refuse = (refused: RefusedRow): Error => new MovedRowError(refused)
    const tx = new OpenTransaction(statements, integrity, draft, this.#records, refuse)
    let value: T
    try {
      value = await withoutWaiting(work(tx), statements)
    } finally {
      tx.abandon()
    }
    const ended = tx.end(provenance)
    if (ended.event === null) return { value, position: null }
    const { event } = ended
    const leaf = { ...newLeaf(integrity, provenance, event, ended.targets), action: event.action }
    return { value, position: await this.#commit(ended, leaf) }
  }

  /** Resolves with the leaf's position when this process has followed the log to there. */
  async #commit({ writes, reads, segments, requests }: Ended, leaf: Prepared['leaf']): Promise<number> {
    const key = leafKey(leaf.hash)
    const { own } = this.#follower
    const followed = new Promise<number>((done) => {
      own.set(key, { records: new Map(writes.map((write) => [write.row.id, write])), done })
    })
    let timer: NodeJS.Timeout | undefined
    try {
      await this.#committer.commit({ writes, reads, segments, requests, leaf })
      const overdue = new Promise<never>((_, failed) => {
        timer = setTimeout(() => failed(new DomainError('storage.unconfirmed')), POSITION_MS_MAX)
      })
      return await Promise.race([followed, overdue])
    } finally {
      clearTimeout(timer)
      // From here on it is followed like everybody else's.
      own.delete(key)
    }
  }

  /** Waits until a row that was not what the log says may have become it; throws when nothing accounts for it. */
  async #settle({ refused }: MovedRowError): Promise<void> {
    const verdict = await this.#examine(refused.id)
    if (verdict === 'ahead') await this.#follower.nextGrowth(GROWTH_MS)
    if (typeof verdict === 'string') return
    const row = { ...refused, what: verdict.what }
    this.#alarms.raise(row)
    throw new RefusedRowError(row)
  }

  async #isWorthReading(id: string): Promise<boolean> {
    const verdict = await this.#examine(id)
    if (verdict === 'ahead') await this.#follower.nextGrowth(GROWTH_MS)
    return typeof verdict === 'string'
  }

  /** Follower.examine, but DomainError `audit.halted` once the log is broken, `storage.unavailable` without an answer. */
  async #examine(id: string): Promise<Verdict> {
    try {
      return await this.#follower.examine(id)
    } catch (cause) {
      if (cause instanceof LogError) throw new DomainError('audit.halted', this.#halted, { cause })
      throw new DomainError('storage.unavailable', null, { cause })
    }
  }

  /** Whether anything has changed since the log had `size` leaves, so that work may read something else now. */
  async #isChanged(ids: readonly string[], size: number): Promise<boolean> {
    const verdicts = await Promise.all(ids.map(async (id) => this.#examine(id)))
    const isAhead = verdicts.includes('ahead')
    if (isAhead) await this.#follower.nextGrowth(GROWTH_MS)
    return isAhead || this.#follower.fold.size > size
  }
}

/** A row in a transaction is not what the log says: it may be ahead of it, or has just been changed. */
class MovedRowError extends Error {
  readonly refused: RefusedRow

  constructor(refused: RefusedRow) {
    super(`row ${refused.id} of table ${refused.table} ${refused.what}`)
    this.refused = refused
  }
}

/** What a caller is told when running the work again has not helped. */
function failureOf(error: unknown): unknown {
  if (error instanceof MovedRowError) return new DomainError('storage.unavailable', null, { cause: error })
  if (!(error instanceof ConflictError)) return error
  const { cause } = error
  return isRefusal(cause) ? new DomainError('storage.unavailable', null, { cause }) : cause
}

/** Reads that fail with `storage.unavailable` when the server does not answer, or answers that it cannot. */
function answering(queryable: Queryable): Queryable {
  return {
    async query(config) {
      try {
        return await queryable.query(config)
      } catch (cause) {
        throw new DomainError('storage.unavailable', null, { cause })
      }
    },
  }
}
