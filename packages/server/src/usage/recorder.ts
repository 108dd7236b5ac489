import { type Decision, VERIFICATION_CODES, type VerificationCode } from '@keystead/protocol/decision'
import { leafHash } from '@keystead/protocol/merkle'
import { USE_BATCH_RECORDS_MAX, useDigests, usePage, usePages } from '@keystead/protocol/use-batch'
import { UseWriter } from '@keystead/protocol/use-record'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Domain } from '../domain.ts'
import { sha256 } from '../hash.ts'
import type { Log } from '../log.ts'
import { closeUse, type CompleteBatch, type Emitter, recordUse } from './record.ts'
import { tellUses, USES_TOLD_EVERY_MS } from './told.ts'

/** A batch that is being filled. */
interface Filling {
  readonly writer: UseWriter
  from: number
  to: number
  dropped: number
}

/** One that has ended and waits to be stored; its digests are made once. */
interface Complete {
  readonly memory: Filling
  batch: CompleteBatch | null
}

/** About a millisecond. */
const PAGES_PER_TURN = 128

/**
 * Writes down every decision in memory that is there already, and hands it to the store in batches: a verification never
 * waits for the disk. One batch is filled while the other is stored; a use for which there is no room is counted as
 * dropped, and the batch says so. A crash loses what was written down since the last flush, and the log shows that this
 * boot was cut off (T-33).
 */
export class UsageRecorder {
  readonly #domain: Pick<Domain, 'store' | 'clock'>
  readonly #emitter: Emitter
  readonly #log: Log
  #filling: Filling
  /** The other memory; null while a batch in it waits to be stored. */
  #spare: Filling | null
  #complete: Complete | null = null
  #flushing: Promise<void> | null = null
  #batches = 0
  /** By place in VERIFICATION_CODES, twice: of keys, and as callers. */
  readonly #totals = new Float64Array(2 * VERIFICATION_CODES.length)
  #dropped = 0
  /** Epoch milliseconds until which it was written that everything is stored. */
  #toldAt = 0

  /** `recordsMax`: how many uses one batch takes. */
  constructor(
    domain: Pick<Domain, 'store' | 'clock'>,
    emitter: Emitter,
    log: Log,
    recordsMax: number = USE_BATCH_RECORDS_MAX,
  ) {
    this.#domain = domain
    this.#emitter = emitter
    this.#log = log
    this.#filling = emptied({ writer: new UseWriter(recordsMax), from: 0, to: 0, dropped: 0 })
    this.#spare = emptied({ writer: new UseWriter(recordsMax), from: 0, to: 0, dropped: 0 })
  }

  /** Writes down a decision. `asCaller`: the text was presented as a credential for Keystead itself. */
  count(decision: Decision, now: number, asCaller = false): void {
    const place = placeOf(decision.code, asCaller)
    this.#totals[place] = (this.#totals[place] ?? 0) + 1
    if (this.#add(decision, now, asCaller)) return
    // Full before its time: if the other memory is free it goes on there at once.
    if (this.#spare !== null) {
      void this.flush()
      if (this.#add(decision, now, asCaller)) return
    }
    this.#filling.dropped += 1
    this.#dropped += 1
  }

  /** How many decisions had this answer, since the start. */
  totalOf(code: VerificationCode, asCaller: boolean): number {
    return this.#totals[placeOf(code, asCaller)] ?? 0
  }

  /** For how many decisions there was no room, since the start. */
  get dropped(): number {
    return this.#dropped
  }

  /** Stores what has been written down; when the store cannot, keeps exactly that for the next time and says so. */
  async flush(): Promise<void> {
    this.#flushing ??= this.#store().finally(() => {
      this.#flushing = null
    })
    return this.#flushing
  }

  /** Stores the rest and says in the log that this boot has told everything; without that, what is missing shows. */
  async close(): Promise<void> {
    // One that waits, and the one that is being filled.
    await this.flush()
    await this.flush()
    if (this.#complete !== null || this.#filling.writer.count > 0) return
    try {
      await closeUse(this.#domain, this.#emitter)
    } catch (error) {
      this.#say(error)
    }
  }

  #add({ record, version, code }: Decision, now: number, asCaller: boolean): boolean {
    const filling = this.#filling
    if (!filling.writer.add(now, record?.keyId ?? null, version ?? 0, code, asCaller)) return false
    if (now < filling.from) filling.from = now
    if (now > filling.to) filling.to = now
    return true
  }

  async #store(): Promise<void> {
    const now = this.#domain.clock()
    // What waits since an earlier try is not all.
    const isAll = this.#complete === null
    this.#complete ??= this.#take()
    try {
      if (this.#complete !== null) await this.#storeBatch(this.#complete)
      if (isAll && now - this.#toldAt >= USES_TOLD_EVERY_MS) {
        await tellUses(this.#domain, this.#emitter.boot, now)
        this.#toldAt = now
      }
    } catch (error) {
      this.#say(error)
    }
  }

  async #storeBatch(complete: Complete): Promise<void> {
    const batch = (complete.batch ??= await describe(this.#batches, complete.memory))
    await recordUse(this.#domain, this.#emitter, batch)
    this.#complete = null
    this.#spare = emptied(complete.memory)
  }

  #say(error: unknown): void {
    this.#log('warn', 'usage.not_written', { reason: error instanceof Error ? error.message : 'unknown' })
  }

  /** Ends the batch that is being filled and goes on in the other memory, at once. Null when there is nothing in it. */
  #take(): Complete | null {
    const memory = this.#filling
    if (this.#spare === null || memory.writer.count === 0) return null
    this.#filling = this.#spare
    this.#spare = null
    this.#batches += 1
    return { memory, batch: null }
  }
}

/** A batch with its digests, which are made in slices that let verifications have their turn. */
async function describe(batchNumber: number, memory: Filling): Promise<CompleteBatch> {
  const { bytes, count } = memory.writer
  const hashes: Uint8Array[] = []
  for (let page = 0; page < usePages(count); page++) {
    hashes.push(leafHash(sha256, usePage(bytes, page)))
    if (page % PAGES_PER_TURN === PAGES_PER_TURN - 1) await nextTurn()
  }
  const { from, to, dropped } = memory
  return { batchNumber, from, to, count, dropped, bytes, ...useDigests(sha256, bytes, hashes) }
}

function placeOf(code: VerificationCode, asCaller: boolean): number {
  return VERIFICATION_CODES.indexOf(code) + (asCaller ? VERIFICATION_CODES.length : 0)
}

function emptied(memory: Filling): Filling {
  memory.writer.clear()
  memory.from = Number.MAX_SAFE_INTEGER
  memory.to = 0
  memory.dropped = 0
  return memory
}
