import type { AuditTarget } from '@keystead/protocol/audit-event'
import { equalBytes } from '@keystead/protocol/bytes'
import type { Pool } from 'pg'
import type { Clock } from '../../clock.ts'
import { batchOf } from '../batch.ts'
import { noChanges, noteChange } from '../changes.ts'
import { LogError, type LogFold } from '../log-fold.ts'
import { codecOf, codecOfId, recordOf, type SealedCodec, type SealedTable, type StoredRow } from '../rows.ts'
import type { Changes, Integrity, RefusedRow } from '../store.ts'
import { kyselyOver, type Queryable } from './driver.ts'
import { Judge, type Verdict } from './judge.ts'
import { type LogSlice, readBatch, readLog } from './log-reader.ts'
import { inTransaction, SNAPSHOT } from './session.ts'

/** Leaves that are read at a time: a few MB at the most. */
const LEAVES_PER_READ = 1_000
/** Rows that are read at a time: small pages die young, large ones grow the heap for good. */
const ROWS_PER_READ = 500

export interface Following {
  /** How far the log has been followed already, with everything that it says in the hands of onChanges. */
  readonly from: Followed
  readonly service: Pool
  readonly integrity: Integrity
  readonly clock: Clock
  /** Gets what has changed, in the order of the log, and how far the log has been followed with it. */
  readonly onChanges: (changes: Changes, size: number) => void
  readonly onRefused: (row: RefusedRow) => void
  /** The log is not what this installation wrote, or has gone back: nothing is followed from here on. */
  readonly onBroken: (why: string) => void
}

/** The log up to some leaf. */
export interface Followed {
  readonly fold: LogFold
  /** What tells a leaf without targets from a copy of it: the first 48 bits of each one's hash. */
  readonly targetless: readonly number[]
}

/** A leaf of this process that waits for its position: what it changed is known here and need not be read. */
export interface OwnLeaf {
  readonly records: ReadonlyMap<string, { readonly table: SealedTable; readonly record: unknown }>
  readonly done: (position: number) => void
}

/** A moment, by the clock that stops with the machine and by the one that does not. */
export interface Moment {
  readonly monotonic: number
  readonly wall: number
}

interface Suspect {
  readonly id: string
  readonly done: (verdict: Verdict) => void
  readonly failed: (error: unknown) => void
}

/** What a leaf changed; `own` when this process made the change itself. */
interface Change {
  readonly target: AuditTarget
  readonly own: { readonly table: SealedTable; readonly record: unknown } | null
}

/**
 * Follows the log in the database: folds each new leaf (MAC, place, versions), compares the sealed head, and reads each
 * row that others changed, in one snapshot. A row may be ahead of its leaf, when a later change has no position yet;
 * then a waiting leaf must account for it. A row that nothing accounts for is withdrawn and named (T-05, T-23).
 */
export class Follower {
  readonly fold: LogFold
  /** The leaves of this process that wait for a position, by leafKey. */
  readonly own = new Map<string, OwnLeaf>()
  readonly #following: Following
  readonly #targetless: Set<number>
  /** Folded, but not yet handed to onChanges; by object. A step that fails on the way leaves it to the next one. */
  readonly #unapplied = new Map<string, Change>()
  /** Objects handed on in a later version than the log has: what is behind that must not undo it. */
  readonly #ahead = new Map<string, number>()
  #applied = 0
  #answers: (() => void)[] = []
  #suspects: Suspect[] = []
  #waiting: (() => void)[] = []
  #running: Promise<void> | null = null
  #next: Promise<void> | null = null
  #broken: string | null = null
  #currentAt: Moment | null = null
  #known: { readonly slice: LogSlice; readonly began: Moment } | null = null

  constructor(following: Following) {
    this.#following = following
    this.fold = following.from.fold
    this.#targetless = new Set(following.from.targetless)
    this.#applied = this.fold.size
  }

  /**
   * Follows to where the log is now: what was committed before the call has been followed when it resolves. Rejects when
   * the database does not answer; with LogError, and for ever, once the log is broken.
   */
  async follow(): Promise<void> {
    if (this.#running === null) return this.#start()
    // The one that runs may have read already: only the next one is sure to begin after this call.
    this.#next ??= this.#running.catch(() => undefined).then(async () => this.#start())
    return this.#next
  }

  /** As `follow`, by the process that has appended these leaves itself, at some moment after `began`: nothing is read. */
  async followWith(slice: LogSlice, began: Moment): Promise<void> {
    this.#known = { slice, began }
    return this.follow()
  }

  /** The present moment. */
  now(): Moment {
    return { monotonic: performance.now(), wall: this.#following.clock() }
  }

  /** Milliseconds since the last look at the log began that was followed to its end: the larger by both clocks. */
  ageMs(): number {
    if (this.#currentAt === null) return Number.POSITIVE_INFINITY
    const { monotonic, wall } = this.#currentAt
    return Math.max(0, performance.now() - monotonic, this.#following.clock() - wall)
  }

  /** What the row of this object is, compared with log and waiting leaves in one snapshot that begins after the call. */
  async examine(id: string): Promise<Verdict> {
    const verdict = new Promise<Verdict>((done, failed) => this.#suspects.push({ id, done, failed }))
    // Both are waited for together: when the look fails both reject, and neither may be left unheard.
    const [answer] = await Promise.all([verdict, this.follow()])
    return answer
  }

  /** Resolves when the log has been followed further, or after so many milliseconds. */
  async nextGrowth(msMax: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, msMax)
      this.#waiting.push(() => {
        clearTimeout(timer)
        done()
      })
    })
  }

  /** Whether this leaf, one without targets, is in the log already: such a copy breaks no version. */
  isCopy(hash: Uint8Array): boolean {
    return this.#targetless.has(prefixOf(hash))
  }

  /** What has been followed, if onChanges has been told exactly that; null while it is told more or less. */
  followed(): Followed | null {
    const isExact = this.#applied === this.fold.size && this.#unapplied.size === 0 && this.#ahead.size === 0
    return isExact && this.#broken === null ? { fold: this.fold, targetless: [...this.#targetless] } : null
  }

  async #start(): Promise<void> {
    this.#next = null
    const suspects = this.#suspects.splice(0)
    this.#running = this.#step(suspects)
      .catch((error: unknown) => {
        for (const { failed } of suspects) failed(error)
        throw error
      })
      .finally(() => {
        this.#running = null
      })
    return this.#running
  }

  async #step(suspects: readonly Suspect[]): Promise<void> {
    if (this.#broken !== null) throw new LogError(this.#broken)
    const { service } = this.#following
    const began = this.#known?.began ?? this.now()
    const appliedBefore = this.#applied
    try {
      const isAll = await this.#foldSome(service)
      const unread = [...this.#unapplied.values()].some(({ own }) => own === null)
      if (!isAll || unread || suspects.length > 0)
        await inTransaction(service, SNAPSHOT, async (client) => this.#readSnapshot(client, suspects))
    } catch (error) {
      if (error instanceof LogError) this.#break(error)
      throw error
    }
    this.#applyOwn()
    if (began.monotonic > (this.#currentAt?.monotonic ?? Number.NEGATIVE_INFINITY)) this.#currentAt = began
    for (const answer of this.#answers.splice(0)) answer()
    if (this.#applied > appliedBefore) for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Takes in the next leaves; true when there are no more. LogError when they are not what belongs there. */
  async #foldSome(queryable: Queryable): Promise<boolean> {
    const { fold } = this
    const { headMac } = this.#following.integrity
    const known = this.#known?.slice
    this.#known = null
    // A slice that others have followed meanwhile, or that does not begin here, is read like every other.
    const isNext = known?.entries[0]?.position === fold.size
    const { head, entries } = isNext ? known : await readLog(queryable, fold.size, LEAVES_PER_READ, headMac)
    const size = head?.size ?? 0
    if (size < fold.size) throw new LogError(`it has gone back from size ${fold.size} to ${size}`)
    if (entries.length === 0 && fold.size < size) throw new LogError(`leaf ${fold.size} is missing`)
    for (const entry of entries) {
      const batch = await batchOf(entry, async (position) => readBatch(queryable, position))
      const targets = fold.add(entry, batch)
      const key = leafKey(entry.leafHash)
      const own = this.own.get(key)
      this.own.delete(key)
      if (own !== undefined) this.#answers.push(() => own.done(entry.position))
      if (targets.length === 0) this.#targetless.add(prefixOf(entry.leafHash))
      for (const target of targets) {
        const isBehind = (this.#ahead.get(target.id) ?? 0) > target.version
        this.#unapplied.set(target.id, {
          target,
          own: isBehind ? null : (own?.records.get(target.id) ?? null),
        })
        if (!isBehind) this.#ahead.delete(target.id)
      }
    }
    if (fold.size < size) return false
    if (head !== null && !equalBytes(head.root, fold.frontier.root()))
      throw new LogError(`its root at size ${size} is another`)
    return true
  }

  async #readSnapshot(snapshot: Queryable, suspects: readonly Suspect[]): Promise<void> {
    while (!(await this.#foldSome(snapshot)));
    const judge = new Judge(snapshot, this.#following.integrity)
    const unread = [...this.#unapplied.values()].filter(({ own }) => own === null)
    for (const [codec, changes] of Map.groupBy(unread, ({ target }) => codecOf(target.type)))
      for (let from = 0; from < changes.length; from += ROWS_PER_READ)
        await this.#applyRows(snapshot, judge, codec, changes.slice(from, from + ROWS_PER_READ))
    for (const { id, done } of suspects) {
      const codec = codecOfId(id)
      const row = (await readRows(snapshot, codec, [id])).get(id)
      done(await judge.judge(codec, row, this.fold.versions.versionOf(id), null))
    }
  }

  async #applyRows(
    snapshot: Queryable,
    judge: Judge,
    codec: SealedCodec,
    changes: readonly Change[],
  ): Promise<void> {
    const rows = await readRows(
      snapshot,
      codec,
      changes.map(({ target }) => target.id),
    )
    const gathered = noChanges()
    for (const { target } of changes) {
      const row = rows.get(target.id)
      const verdict = await judge.judge(codec, row, target.version, target)
      if (row !== undefined && typeof verdict === 'string') noteChange(gathered, codec, recordOf(codec, row))
      if (row !== undefined && verdict === 'ahead') this.#ahead.set(row.id, row.version)
      if (typeof verdict !== 'string') {
        gathered.withdrawn.push(target.id)
        this.#following.onRefused({ table: codec.table, id: target.id, what: verdict.what })
      }
    }
    for (const { target } of changes) this.#unapplied.delete(target.id)
    this.#following.onChanges(gathered, this.#applied)
  }

  /** What this process changed itself; with it, everything that was folded has been applied. */
  #applyOwn(): void {
    if (this.#applied === this.fold.size) return
    const gathered = noChanges()
    for (const { own } of this.#unapplied.values()) if (own !== null) noteChange(gathered, own, own.record)
    this.#unapplied.clear()
    this.#applied = this.fold.size
    this.#following.onChanges(gathered, this.#applied)
  }

  #break(error: LogError): void {
    this.#broken = error.message
    this.#following.onBroken(error.message)
  }
}

/** The name of a leaf by its hash, among those that wait. */
export function leafKey(hash: Uint8Array): string {
  return Buffer.from(hash).toString('base64')
}

function prefixOf(hash: Uint8Array): number {
  return Buffer.from(hash).readUIntBE(0, 6)
}

async function readRows(
  snapshot: Queryable,
  { table }: SealedCodec,
  ids: readonly string[],
): Promise<ReadonlyMap<string, StoredRow>> {
  const rows = await kyselyOver(snapshot)
    .selectFrom(table)
    .selectAll()
    .where('id', 'in', [...ids])
    .execute()
  return new Map(rows.map((row) => [row.id, row as StoredRow]))
}
