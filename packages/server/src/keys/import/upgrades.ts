import { SERVER } from '../../access/authorize.ts'
import type { Domain } from '../../domain.ts'
import { reasonOf } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { ApiKey } from '../../storage/records.ts'
import type { Transaction } from '../../storage/store.ts'
import { importedVersion } from './digests.ts'

/** Keys that wait to be upgraded, about 200 bytes each; one that finds no room is upgraded at a later use. */
const WAITING_MAX = 10_000
/** One transaction: about 20 ms of the event loop. */
const KEYS_PER_STEP = 250

export interface Place {
  readonly projectId: string
  readonly environment: string
}

/**
 * Gives imported keys whose texts have been seen a digest of ours in the place of what the other system had: the foreign
 * hash is not needed any more, and is gone from the row. Gathered in memory, since a verification waits for no disk.
 */
export class Upgrades {
  readonly #domain: Pick<Domain, 'store'>
  readonly #log: Log
  /** By id of a key: the digest of its text, and where it belongs. */
  #waiting = new Map<string, { readonly digest: string; readonly place: string }>()
  #flushing: Promise<void> | null = null

  constructor(domain: Pick<Domain, 'store'>, log: Log) {
    this.#domain = domain
    this.#log = log
  }

  /** Notes that a key's foreign text has been proven. `digest`: textDigest of it. */
  note(keyId: string, { projectId, environment }: Place, digest: string): void {
    if (this.#waiting.size < WAITING_MAX)
      this.#waiting.set(keyId, { digest, place: `${projectId} ${environment}` })
  }

  /** The digest that waits for a key; undefined when none does. */
  digestOf(keyId: string): string | undefined {
    return this.#waiting.get(keyId)?.digest
  }

  /** Stores what has been noted; what the store does not take waits for the next time. */
  async flush(): Promise<void> {
    this.#flushing ??= this.#store().finally(() => {
      this.#flushing = null
    })
    return this.#flushing
  }

  async #store(): Promise<void> {
    const byPlace = Map.groupBy(this.#waiting, ([, { place }]) => place)
    for (const entries of byPlace.values())
      for (let from = 0; from < entries.length; from += KEYS_PER_STEP) {
        const some = entries.slice(from, from + KEYS_PER_STEP).map(([id, { digest }]) => ({ id, digest }))
        try {
          await this.#domain.store.transact(SERVER, async (tx) => upgrade(tx, some))
          for (const { id } of some) this.#waiting.delete(id)
        } catch (error) {
          this.#log('warn', 'import.not_upgraded', { reason: reasonOf(error) })
          return
        }
      }
  }
}

async function upgrade(
  tx: Transaction,
  proven: readonly { readonly id: string; readonly digest: string }[],
): Promise<void> {
  let last: ApiKey | null = null
  let count = 0
  for (const { id, digest } of proven) {
    const key = await tx.key(id)
    if (key === null || key.imported === null || key.imported.upgradedIn !== null) continue
    const made = importedVersion(key)
    if (made === undefined) continue
    const version = key.version + 1
    const versions = key.versions.map((each) => (each === made ? { ...each, digest } : each))
    const imported = { ...key.imported, hash: null, upgradedIn: version }
    await tx.saveKey(key, { ...key, version, versions, imported })
    last = key
    count += 1
  }
  if (last === null) return
  const { projectId, environment } = last
  tx.record({ action: 'key.upgraded', projectId, environment, details: { keys: count } })
}
