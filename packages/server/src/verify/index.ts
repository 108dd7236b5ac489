import { type KeyRecord, VERSIONS_HELD_MAX } from '@keystead/protocol/decision'
import { compileGrants, type Grants } from '@keystead/protocol/permission'
import type { ApiKey } from '../storage/records.ts'
import type { Store } from '../storage/store.ts'

/** Rows that the start reads and checks at a time. */
const KEYS_PER_READ = 5_000
/** Distinct permission lists kept compiled; beyond it they are compiled afresh, which costs time and nothing else. */
const GRANTS_MAX = 10_000

/**
 * Every key of this installation by its public locator, in memory: what verification reads instead of the database.
 * Follows the store's commits, in order, before anybody is told that a change is done.
 */
export class KeyIndex {
  readonly #records = new Map<string, KeyRecord>()
  readonly #grants = new Map<string, Grants>()
  #position = 0

  /** Reads all keys, refusing to start on one whose MAC does not hold, and follows the store from then on. */
  static async open(store: Store): Promise<KeyIndex> {
    const index = new KeyIndex()
    const { size } = store.head()
    for await (const keys of store.reader.allKeys(KEYS_PER_READ)) index.#apply(keys, size)
    index.#position = size
    store.onCommitted((keys, position) => index.#apply(keys, position))
    return index
  }

  /** The size of the tree that the index has followed: everything before this position is in it. */
  get position(): number {
    return this.#position
  }

  get size(): number {
    return this.#records.size
  }

  lookup(locator: string): KeyRecord | undefined {
    return this.#records.get(locator)
  }

  #apply(keys: readonly ApiKey[], position: number): void {
    for (const key of keys) this.#records.set(key.locator, this.#project(key))
    this.#position = position
  }

  /** The decision fields only: what is not here cannot leak from a verifier. */
  #project(key: ApiKey): KeyRecord {
    return {
      keyId: key.id,
      kind: key.kind,
      projectId: key.projectId,
      environment: key.environment,
      ownerId: key.ownerId,
      state: key.state,
      revocationReason: key.revocationReason,
      notBefore: key.notBefore,
      expiresAt: key.expiresAt,
      grants: this.#compiled(key.permissions),
      versions: key.versions
        .slice(0, VERSIONS_HELD_MAX)
        .map(({ number, digest, acceptedUntil }) => ({ number, digest, acceptedUntil })),
    }
  }

  #compiled(permissions: readonly string[]): Grants {
    const name = permissions.join(' ')
    const known = this.#grants.get(name)
    if (known !== undefined) return known
    if (this.#grants.size >= GRANTS_MAX) this.#grants.clear()
    const grants = compileGrants(permissions)
    this.#grants.set(name, grants)
    return grants
  }
}
