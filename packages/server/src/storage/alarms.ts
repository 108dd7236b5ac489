import type { RefusedRow } from './store.ts'

/** Refused rows that are kept until somebody listens; a database with more of them is one story, not a thousand. */
const WAITING_MAX = 1_000

/** Hands refused rows to whoever listens. Those that the start finds wait for the first listener. */
export class Alarms {
  readonly #waiting: RefusedRow[] = []
  #listener: ((row: RefusedRow) => void) | null = null

  raise(row: RefusedRow): void {
    if (this.#listener !== null) this.#listener(row)
    else if (this.#waiting.length < WAITING_MAX) this.#waiting.push(row)
  }

  listen(listener: (row: RefusedRow) => void): void {
    this.#listener = listener
    for (const row of this.#waiting.splice(0)) listener(row)
  }
}
