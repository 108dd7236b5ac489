import assert from 'node:assert'
import type { Compilable, Kysely } from 'kysely'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Statements } from '../statements.ts'
import type { Tables } from '../tables.ts'

/** The statements of one transaction's work, counted while they run. */
export class WorkStatements extends Statements {
  begun = 0
  running = 0
  #onQuiet: (() => void) | null = null

  override async run<Row>(
    name: string,
    build: (db: Kysely<Tables>) => Compilable<Row>,
    parameters: readonly unknown[],
  ): Promise<{ readonly rows: readonly Row[]; readonly numAffectedRows?: bigint }> {
    this.begun += 1
    this.running += 1
    try {
      return await super.run(name, build, parameters)
    } finally {
      this.running -= 1
      if (this.running === 0) this.#onQuiet?.()
    }
  }

  /** Resolves when none of its statements runs. */
  async quiet(): Promise<void> {
    if (this.running === 0) return
    await new Promise<void>((done) => {
      this.#onQuiet = done
    })
  }
}

/**
 * The result of work that awaits nothing but its own statements: between two of them, and after the last, it settles in
 * microtasks. What has not moved on by the next turn of the loop waits for something else: an assertion failure.
 */
export async function withoutWaiting<T>(work: Promise<T>, statements: WorkStatements): Promise<T> {
  let settled = false
  const settle = (): void => {
    settled = true
  }
  work.then(settle, settle)
  const watch = async (): Promise<never> => {
    while (!settled) {
      await statements.quiet()
      const { begun } = statements
      await nextTurn()
      if (settled || statements.running > 0 || statements.begun > begun) continue
      throw new assert.AssertionError({ message: 'a transaction awaited something other than itself' })
    }
    return new Promise<never>(() => undefined)
  }
  return Promise.race([work, watch()])
}
