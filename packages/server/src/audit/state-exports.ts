import type { StateLine } from '@keystead/protocol/audit-state'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { Random } from '../random.ts'
import type { Snapshot, SnapshotMark, Store } from '../storage/store.ts'
import type { CheckpointPublisher } from './publish.ts'

/** About half a megabyte of rows, and a few milliseconds of the loop. */
const ROWS_PER_PAGE = 500
/** Each keeps what changes meanwhile from being cleared away, and on PostgreSQL a connection. */
const OPEN_MAX = 2
/** A program that asks for page after page is never this slow; one that died lets go after it. */
const IDLE_MS_MAX = 60_000
/** A million rows take a few minutes; an export must not keep old rows for ever. */
const AGE_MS_MAX = 1_800_000
const HANDLE_BYTES = 16

/** What an export answers with each time. */
export interface StatePage {
  readonly size: number
  /** The signed note over exactly this size. */
  readonly checkpoint: string
  readonly lines: readonly StateLine[]
  /** What to ask for next; null at the end. */
  readonly nextCursor: string | null
}

interface OpenExport {
  readonly snapshot: Snapshot
  readonly checkpoint: string
  readonly openedAt: number
  usedAt: number
  /** Where each page begins that can be asked for: the next one, or one of which the answer was lost. */
  readonly marks: (SnapshotMark | null)[]
}

/**
 * Exports of the state under way. Each reads one snapshot, page by page, so that all its rows and its checkpoint are of
 * one size of the log (T-34). An export ends with its last page, after a minute of silence, or after half an hour.
 */
export class StateExports {
  readonly #store: Store
  readonly #publisher: CheckpointPublisher
  readonly #clock: Clock
  readonly #random: Random
  readonly #open = new Map<string, OpenExport>()
  #opening = 0

  constructor(options: {
    readonly store: Store
    readonly publisher: CheckpointPublisher
    readonly clock: Clock
    readonly random: Random
  }) {
    this.#store = options.store
    this.#publisher = options.publisher
    this.#clock = options.clock
    this.#random = options.random
  }

  /** The first page of a new export. DomainError `server.overloaded` while two are open. */
  async begin(): Promise<StatePage> {
    await this.expire()
    if (this.#open.size + this.#opening >= OPEN_MAX) throw new DomainError('server.overloaded')
    this.#opening += 1
    const handle = Buffer.from(this.#random(HANDLE_BYTES)).toString('base64url')
    try {
      const snapshot = await this.#store.snapshot()
      try {
        const checkpoint = await this.#publisher.signAt(snapshot.head)
        const now = this.#clock()
        const opened = { snapshot, checkpoint, openedAt: now, usedAt: now, marks: [null] }
        this.#open.set(handle, opened)
        return await this.#page(handle, opened, 0)
      } catch (error) {
        this.#open.delete(handle)
        await snapshot.close()
        throw error
      }
    } finally {
      this.#opening -= 1
    }
  }

  /** A further page, by the cursor of the one before. DomainError `audit.state_expired` when the export is over. */
  async next(cursor: string): Promise<StatePage> {
    await this.expire()
    const [handle = '', page = ''] = cursor.split('.')
    const opened = this.#open.get(handle)
    const number = Number(page)
    if (opened === undefined || opened.marks[number] === undefined)
      throw new DomainError('audit.state_expired')
    opened.usedAt = this.#clock()
    return this.#page(handle, opened, number)
  }

  /** Ends what nobody has asked for in time. */
  async expire(): Promise<void> {
    const now = this.#clock()
    for (const [handle, { usedAt, openedAt }] of this.#open)
      if (now - usedAt > IDLE_MS_MAX || now - openedAt > AGE_MS_MAX) await this.#end(handle)
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    for (const handle of this.#open.keys()) await this.#end(handle)
  }

  async #page(handle: string, opened: OpenExport, number: number): Promise<StatePage> {
    const { snapshot, checkpoint, marks } = opened
    const { lines, next } = await snapshot.rows(marks[number] ?? null, ROWS_PER_PAGE)
    if (next === null) await this.#end(handle)
    else marks[number + 1] = next
    const nextCursor = next === null ? null : `${handle}.${number + 1}`
    return { size: snapshot.head.size, checkpoint, lines, nextCursor }
  }

  async #end(handle: string): Promise<void> {
    const opened = this.#open.get(handle)
    this.#open.delete(handle)
    await opened?.snapshot.close()
  }
}
