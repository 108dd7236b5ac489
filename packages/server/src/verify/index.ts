import { type KeyRecord, VERSIONS_HELD_MAX } from '@keystead/protocol/decision'
import { compileGrants, type Grants } from '@keystead/protocol/permission'
import type { ApiKey } from '../storage/records.ts'
import type { Changes, Store } from '../storage/store.ts'

/** Distinct permission lists kept compiled; beyond it they are compiled afresh, which costs time and nothing else. */
const GRANTS_MAX = 10_000
/** Distinct ids and words kept shared, likewise. */
const SHARED_MAX = 100_000

/**
 * Every key of this installation by its public locator, in memory: what verification reads instead of the database.
 * Follows the store's commits, in order, before anybody is told that a change is done.
 */
export class KeyIndex {
  readonly #records = new Map<string, KeyRecord>()
  readonly #grants = new Map<string, Grants>()
  readonly #texts = new Map<string, string>()
  #position = 0

  /** Takes in keys as the store reads them at start, or as they are committed. */
  add({ keys }: Pick<Changes, 'keys'>): void {
    for (const key of keys) this.#records.set(key.locator, this.#project(key))
  }

  /** Follows the store's commits from here on. */
  follow(store: Store): void {
    this.#position = store.head().size
    store.onCommitted((changes, position) => {
      this.add(changes)
      this.#position = position
    })
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

  /** The decision fields only: what is not here cannot leak from a verifier. */
  #project(key: ApiKey): KeyRecord {
    return {
      keyId: key.id,
      kind: this.#shared(key.kind),
      projectId: this.#shared(key.projectId),
      environment: this.#shared(key.environment),
      ownerId: this.#shared(key.ownerId),
      state: this.#shared(key.state),
      revocationReason: key.revocationReason,
      notBefore: key.notBefore,
      expiresAt: key.expiresAt,
      grants: this.#compiled(key.permissions),
      versions: key.versions
        .slice(0, VERSIONS_HELD_MAX)
        .map(({ number, digest, acceptedUntil }) => ({ number, digest, acceptedUntil })),
    }
  }

  /** The same text object for equal texts: a hundred thousand keys name a handful of projects and states. */
  #shared<Text extends string | null>(text: Text): Text {
    if (text === null) return text
    const known = this.#texts.get(text)
    if (known !== undefined) return known as Text
    if (this.#texts.size >= SHARED_MAX) this.#texts.clear()
    this.#texts.set(text, text)
    return text
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
