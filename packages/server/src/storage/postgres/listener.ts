import type { Client } from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'

/** A new connection is tried this often; meanwhile the polls find what the notifications would have told. */
const RECONNECT_MS = 1_000

export type Notice = 'pending' | 'log'

/**
 * Listens for notifications on a connection of its own. They are hints, never facts: one that is lost costs the time to
 * the next poll, and one that somebody forged costs a look.
 */
export class Listener {
  readonly #connection: () => Client
  readonly #onNotice: (notice: Notice) => void
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  #client: Client | null = null

  constructor(connection: () => Client, onNotice: (notice: Notice) => void) {
    this.#connection = connection
    this.#onNotice = onNotice
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#client?.end().catch(() => undefined)
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#listen()
      await sleep(RECONNECT_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
    }
  }

  /** Resolves when the connection is gone. */
  async #listen(): Promise<void> {
    const client = this.#connection()
    this.#client = client
    const gone = new Promise<void>((done) => {
      client.on('error', () => done()).on('end', () => done())
    })
    client.on('notification', ({ payload }) => {
      if (payload === 'pending' || payload === 'log') this.#onNotice(payload)
    })
    try {
      await client.connect()
      await client.query('LISTEN keystead')
      // What happened before the server began to listen for us has told nobody.
      this.#onNotice('pending')
      this.#onNotice('log')
      if (this.#stopping.signal.aborted) await client.end()
      await gone
    } catch {
      await client.end().catch(() => undefined)
    }
  }
}
