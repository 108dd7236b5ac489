/**
 * Runs `work` at least every `everyMs`, and at once when it is kicked, never twice at a time. What fails is told to
 * `onFailed` and tried again at the next tick.
 */
export class Ticker {
  readonly #work: () => Promise<void>
  readonly #everyMs: number
  readonly #onFailed: (error: unknown) => void
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | null = null
  #kicked = false
  #stopped = false

  constructor(everyMs: number, work: () => Promise<void>, onFailed: (error: unknown) => void) {
    this.#everyMs = everyMs
    this.#work = work
    this.#onFailed = onFailed
    this.kick()
  }

  /** Runs soon; once more, if it runs already. */
  kick(): void {
    this.#kicked = true
    if (this.#running === null && !this.#stopped) this.#running = this.#run()
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer)
    while (this.#kicked && !this.#stopped) {
      this.#kicked = false
      try {
        await this.#work()
      } catch (error) {
        this.#kicked = false
        this.#onFailed(error)
      }
    }
    this.#running = null
    if (!this.#stopped) this.#timer = setTimeout(() => this.kick(), this.#everyMs)
  }
}
