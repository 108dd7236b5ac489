import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { hashText } from '../../../hash.ts'
import type { SlowHash } from './phc.ts'
import type { Work } from './worker.ts'

/** Whoever knows the look-up part of a key can have its hash made: two at a time, the others are told to wait. */
const PER_KEY_MAX = 2
const PER_SOURCE_MAX = 8
/** Wrong texts that are remembered, by digest, so that the same one again costs nothing. */
const REFUSED_MAX = 1_024
/** One core is left to the event loop; more than four threads would take memory for what happens once in a key's life. */
const THREADS_MAX = 4
const IDLE_MS = 30_000

export interface SlowQuestion {
  readonly sourceId: string
  readonly keyId: string
  readonly hash: SlowHash
  readonly text: string
}

/** Too many slow hashes of this key or source are being made or wait. */
export class SlowHashesBusy extends Error {}

interface Job extends SlowQuestion {
  readonly done: (matches: boolean) => void
  readonly failed: (error: Error) => void
}

interface Thread {
  readonly worker: Worker
  job: Job | null
  idle: NodeJS.Timeout | null
}

/**
 * Makes slow hashes in threads of their own, which are started when there is something to do and end when there has been
 * nothing for half a minute. Sources take turns, so that no flood of one starves another.
 */
export class SlowHashes {
  readonly #threadsMax: number
  readonly #threads = new Set<Thread>()
  /** By source; the first is served next. */
  readonly #waiting = new Map<string, Job[]>()
  /** How many of a key, or of a source, are being made or wait. */
  readonly #counts = new Map<string, number>()
  readonly #inFlight = new Map<string, Promise<boolean>>()
  readonly #refused = new Set<string>()
  #closed = false

  constructor(threads: number = Math.max(1, Math.min(THREADS_MAX, availableParallelism() - 1))) {
    this.#threadsMax = threads
  }

  /**
   * Whether a text has a hash. The same question again meanwhile is the same work. Rejects with SlowHashesBusy, and with
   * what a thread died of. That a hash is made at all shows in the time.
   */
  async check(question: SlowQuestion): Promise<boolean> {
    const name = hashText(`${question.keyId}\n${question.text}`)
    if (this.#refused.has(name)) return false
    const known = this.#inFlight.get(name)
    if (known !== undefined) return known
    const { keyId, sourceId } = question
    const isBusy = this.#count(keyId) >= PER_KEY_MAX || this.#count(sourceId) >= PER_SOURCE_MAX
    if (isBusy || this.#closed) throw new SlowHashesBusy()
    const answer = this.#make(question).finally(() => {
      this.#inFlight.delete(name)
      this.#add(keyId, -1)
      this.#add(sourceId, -1)
    })
    this.#add(keyId, 1)
    this.#add(sourceId, 1)
    this.#inFlight.set(name, answer)
    const matches = await answer
    if (!matches) this.#remember(name)
    return matches
  }

  /** Ends the threads; what they are at is given up and rejects with SlowHashesBusy. */
  async close(): Promise<void> {
    this.#closed = true
    const jobs = [...this.#waiting.values()].flat()
    this.#waiting.clear()
    for (const { failed } of jobs) failed(new SlowHashesBusy())
    await Promise.all([...this.#threads].map(async (thread) => this.#end(thread)))
  }

  async #make(question: SlowQuestion): Promise<boolean> {
    return new Promise((done, failed) => {
      const job = { ...question, done, failed }
      const others = this.#waiting.get(question.sourceId)
      if (others === undefined) this.#waiting.set(question.sourceId, [job])
      else others.push(job)
      this.#goOn()
    })
  }

  /** Gives what waits to threads that do nothing, and starts further ones as long as there may be more. */
  #goOn(): void {
    while (this.#waiting.size > 0) {
      let thread = [...this.#threads].find(({ job }) => job === null)
      if (thread === undefined && this.#threads.size < this.#threadsMax) thread = this.#start()
      if (thread === undefined) return
      const job = this.#next()
      if (job === null) return
      thread.job = job
      if (thread.idle !== null) clearTimeout(thread.idle)
      thread.worker.ref()
      thread.worker.postMessage({ hash: job.hash, text: job.text } satisfies Work)
    }
  }

  #next(): Job | null {
    for (const [sourceId, jobs] of this.#waiting) {
      const job = jobs.shift()
      // The source goes to the end of the row.
      this.#waiting.delete(sourceId)
      if (jobs.length > 0) this.#waiting.set(sourceId, jobs)
      if (job !== undefined) return job
    }
    return null
  }

  #start(): Thread {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { env: {} })
    const thread: Thread = { worker, job: null, idle: null }
    worker.unref()
    worker.on('message', (matches: boolean) => {
      const { job } = thread
      thread.job = null
      worker.unref()
      thread.idle = setTimeout(() => void this.#end(thread), IDLE_MS).unref()
      job?.done(matches)
      this.#goOn()
    })
    worker.on('error', (error: Error) => this.#lose(thread, error))
    worker.on('exit', () => this.#lose(thread, new SlowHashesBusy()))
    this.#threads.add(thread)
    return thread
  }

  #lose(thread: Thread, error: Error): void {
    if (!this.#threads.delete(thread)) return
    if (thread.idle !== null) clearTimeout(thread.idle)
    thread.job?.failed(error)
    if (!this.#closed) this.#goOn()
  }

  async #end(thread: Thread): Promise<void> {
    this.#lose(thread, new SlowHashesBusy())
    await thread.worker.terminate()
  }

  #count(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  #add(name: string, step: number): void {
    const count = this.#count(name) + step
    if (count === 0) this.#counts.delete(name)
    else this.#counts.set(name, count)
  }

  #remember(name: string): void {
    const [oldest] = this.#refused
    if (this.#refused.size >= REFUSED_MAX && oldest !== undefined) this.#refused.delete(oldest)
    this.#refused.add(name)
  }
}
