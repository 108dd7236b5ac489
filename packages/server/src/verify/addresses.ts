import { type Address, formatAddress } from '@keystead/protocol/address'
import type { Decision } from '@keystead/protocol/decision'
import type { Log } from '../log.ts'
import type { AddressUse } from '../storage/records.ts'
import type { Store } from '../storage/store.ts'

/** Addresses kept between two flushes; what comes beyond is not noted. Enough for a fleet that changes its key. */
const ADDRESSES_MAX = 10_000

/** From where each version of a key is used while two are accepted: whom to tell before the old one ends. For people. */
export class AddressCounter {
  readonly #store: Store
  readonly #log: Log
  #uses = new Map<string, AddressUse>()

  constructor(store: Store, log: Log) {
    this.#store = store
    this.#log = log
  }

  /** Notes a decision on a key with a version in its overlap; every other one costs a comparison. */
  count({ record, version }: Decision, now: number, address: Address | null): void {
    if (record === null || address === null || (record.versions[1]?.acceptedUntil ?? 0) <= now) return
    const text = formatAddress(address)
    const name = `${record.keyId} ${version ?? 0} ${text}`
    const count = (this.#uses.get(name)?.count ?? 0) + 1
    if (count === 1 && this.#uses.size >= ADDRESSES_MAX) return
    const { keyId } = record
    this.#uses.set(name, { keyId, versionNumber: version ?? 0, address: text, count, lastAt: now })
  }

  /** Writes what has been noted; when the store cannot, it is lost and the log says so. */
  async flush(): Promise<void> {
    const uses = [...this.#uses.values()]
    this.#uses = new Map()
    try {
      await this.#store.addAddressUses(uses)
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown'
      this.#log('warn', 'addresses.not_written', { reason })
    }
  }
}
