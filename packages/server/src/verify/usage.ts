import type { Decision, KeyRecord } from '@keystead/protocol/decision'
import type { Log } from '../log.ts'
import type { KeyUse } from '../storage/records.ts'
import type { Store } from '../storage/store.ts'

interface Count {
  readonly versionNumber: number
  readonly code: string
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
  /** By the record that was decided on, null for texts that prove no key; a record changes with its key. */
  #counts = new Map<KeyRecord | null, Count[]>()

  constructor(store: Store, log: Log) {
    this.#store = store
    this.#log = log
  }

  /** Bounded by the keys that exist: texts that prove no key share one count. */
  count({ record, version, code }: Decision, now: number): void {
    this.#add(record, version ?? 0, code, 1, now)
  }

  /** Writes what has been counted; when the store cannot, keeps it for the next time and says so. */
  async flush(): Promise<void> {
    if (this.#counts.size === 0) return
    const counts = this.#counts
    this.#counts = new Map()
    try {
      await this.#store.recordUses(
        [...counts].flatMap(([record, list]) => list.map((count) => useOf(record, count))),
      )
    } catch (error) {
      for (const [record, list] of counts) {
        for (const { versionNumber, code, count, lastAt } of list)
          this.#add(record, versionNumber, code, count, lastAt)
      }
      this.#log('warn', 'usage.not_written', { reason: error instanceof Error ? error.message : 'unknown' })
    }
  }

  #add(record: KeyRecord | null, versionNumber: number, code: string, count: number, lastAt: number): void {
    const list = this.#counts.get(record)
    const known = list?.find((each) => each.code === code && each.versionNumber === versionNumber)
    if (known !== undefined) {
      known.count += count
      known.lastAt = Math.max(known.lastAt, lastAt)
    } else if (list !== undefined) {
      list.push({ versionNumber, code, count, lastAt })
    } else {
      this.#counts.set(record, [{ versionNumber, code, count, lastAt }])
    }
  }
}

function useOf(record: KeyRecord | null, { versionNumber, code, count, lastAt }: Count): KeyUse {
  return { keyId: record?.keyId ?? UNKNOWN_KEY, versionNumber, code, count, lastAt }
}
