import type { Decision } from '@keystead/protocol/decision'
import type { Log } from '../log.ts'
import type { KeyUse } from '../storage/records.ts'
import type { Store } from '../storage/store.ts'

interface Count {
  keyId: string
  versionNumber: number
  code: string
  count: number
  lastAt: number
}

/** The row that counts presented texts which proved no key; it names none. */
export const UNKNOWN_KEY = '-'

/**
 * Counts decisions per key, version and outcome in memory and writes them in batches: a verification never waits for
 * the disk. A crash loses what was counted since the last flush, and nothing else.
 */
export class UsageCounter {
  readonly #store: Store
  readonly #log: Log
  #counts = new Map<string, Count>()

  constructor(store: Store, log: Log) {
    this.#store = store
    this.#log = log
  }

  /** Bounded by the keys that exist: texts that prove no key share one count. */
  count(decision: Decision, now: number): void {
    const keyId = decision.record?.keyId ?? UNKNOWN_KEY
    const versionNumber = decision.version ?? 0
    const name = `${keyId}${versionNumber}${decision.code}`
    const known = this.#counts.get(name)
    if (known === undefined) {
      this.#counts.set(name, { keyId, versionNumber, code: decision.code, count: 1, lastAt: now })
      return
    }
    known.count += 1
    known.lastAt = now
  }

  /** Writes what has been counted; when the store cannot, keeps it for the next time and says so. */
  async flush(): Promise<void> {
    if (this.#counts.size === 0) return
    const counts = this.#counts
    this.#counts = new Map()
    try {
      await this.#store.recordUses([...counts.values()] satisfies KeyUse[])
    } catch (error) {
      for (const [name, count] of counts) this.#putBack(name, count)
      this.#log('warn', 'usage.not_written', { reason: error instanceof Error ? error.message : 'unknown' })
    }
  }

  #putBack(name: string, count: Count): void {
    const newer = this.#counts.get(name)
    if (newer === undefined) this.#counts.set(name, count)
    else newer.count += count.count
  }
}
