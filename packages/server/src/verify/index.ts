import { type KeyRecord, type OwnerFacts, VERSIONS_HELD_MAX } from '@keystead/protocol/decision'
import type { ApiKey, Owner } from '../storage/records.ts'
import type { Changes, Store } from '../storage/store.ts'
import { Policies } from './policies.ts'

/** Distinct ids and words kept shared; beyond it they are kept apart, which costs memory and nothing else. */
const SHARED_MAX = 100_000
/** Policies that no key has any more are looked for when there are more than this, and again at each doubling. */
const POLICIES_MIN = 10_000

/** The facts of an owner, filled in when the owner is read and changed with it, in the hands of all its keys' records. */
interface SharedOwner extends OwnerFacts {
  externalId: string
  json: string
}

/**
 * Every key of this installation by its public locator, in memory: what verification reads instead of the database.
 * Follows the store's commits, in order, before anybody is told that a change is done.
 */
export class KeyIndex {
  readonly #records = new Map<string, KeyRecord>()
  readonly #owners = new Map<string, SharedOwner>()
  readonly #policies = new Policies()
  readonly #texts = new Map<string, string>()
  #policiesMax = POLICIES_MIN
  #position = 0

  /** Takes in records as the store reads them at start, or as they are committed; forgets those that are withdrawn. */
  add({ keys, owners, roles, withdrawn }: Changes): void {
    this.#policies.addRoles(roles)
    for (const owner of owners) this.#addOwner(owner)
    for (const key of keys) this.#records.set(key.locator, this.#project(key))
    if (this.#policies.size > this.#policiesMax) this.#dropPolicies()
    if (withdrawn.length > 0) this.#forget(new Set(withdrawn))
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
      owner: key.ownerId === null ? null : this.#owner(key.ownerId),
      state: this.#shared(key.state),
      revocationReason: key.revocationReason,
      notBefore: key.notBefore,
      expiresAt: key.expiresAt,
      policy: this.#policies.of(key),
      versions: key.versions
        .slice(0, VERSIONS_HELD_MAX)
        .map(({ number, digest, acceptedUntil }) => ({ number, digest, acceptedUntil })),
    }
  }

  #addOwner({ id, externalId, metadata }: Owner): void {
    const owner = this.#owner(id)
    owner.externalId = externalId
    owner.json = JSON.stringify({ externalId, metadata })
  }

  /** A key may be read before its owner. */
  #owner(id: string): SharedOwner {
    const known = this.#owners.get(id)
    if (known !== undefined) return known
    const owner: SharedOwner = { externalId: '', json: 'null' }
    this.#owners.set(id, owner)
    return owner
  }

  /** Rare, after damage only: no second index by id is kept for it. */
  #forget(ids: ReadonlySet<string>): void {
    this.#policies.withdrawRoles(ids)
    for (const [locator, { keyId }] of this.#records) if (ids.has(keyId)) this.#records.delete(locator)
  }

  #dropPolicies(): void {
    this.#policies.keepOnly(new Set([...this.#records.values()].map(({ policy }) => policy)))
    this.#policiesMax = Math.max(POLICIES_MIN, 2 * this.#policies.size)
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
}
