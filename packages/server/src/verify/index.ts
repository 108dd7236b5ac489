import type { Environment } from '@keystead/protocol/api-key'
import type { KeyRecord } from '@keystead/protocol/decision'
import { VERSIONS_HELD_MAX } from '@keystead/protocol/decision'
import { jsonPart, jsonValues, type Part, type Parts } from '../compact/part.ts'
import type { ApiKey, ImportSource } from '../storage/records.ts'
import type { Changes, Store } from '../storage/store.ts'
import { upgradedDigest } from '../keys/import/digests.ts'
import { IMPORT_REFS_LAYOUT, ImportRefs } from './import-refs.ts'
import { IMPORT_SOURCES_LAYOUT, ImportSources } from './import-sources.ts'
import { Interned } from './interned.ts'
import { KEY_LAYOUT, KeyPages, type PageCounts } from './key-pages.ts'
import { Owners, OWNERS_LAYOUT } from './owners.ts'
import { Policies, POLICIES_LAYOUT } from './policies.ts'
import { Recent } from './recent.ts'

/** Policies that no key has any more are looked for when there are more than this, and again at each doubling. */
const POLICIES_MIN = 10_000
/**
 * Records that are in use are kept made and found, about 500 bytes each: to make one anew costs a twentieth of a
 * verification, and so does to find it among millions, in memory that is in no cache of the processor.
 */
const RECENT = 16_384
const PLACES = 'places'
const REASONS = 'reasons'
const COUNTS = 'key-counts'
/** What a snapshot says about how this index is laid out: a program that lays it out otherwise must not read it. */
export const INDEX_LAYOUT = [
  ...[KEY_LAYOUT, OWNERS_LAYOUT, POLICIES_LAYOUT, IMPORT_REFS_LAYOUT, IMPORT_SOURCES_LAYOUT],
  ...[PLACES, REASONS, COUNTS, 2],
].join(', ')

interface Counts extends PageCounts {
  readonly importRefs: number
}

type Place = Pick<KeyRecord, 'kind' | 'projectId' | 'environment'>

/**
 * Every key of this installation by its public locator, in memory: what verification reads instead of the database.
 * Follows the store's commits, in order, before anybody is told that a change is done.
 */
export class KeyIndex {
  #keys = new KeyPages()
  #owners = new Owners()
  #policies = new Policies()
  #places = new Interned<Place>()
  #reasons = new Interned<string | null>()
  #importRefs = new ImportRefs()
  #importSources = new ImportSources()
  /** By the locator, or the digest that leads to an imported key. */
  readonly #recentSlots = new Recent<string, number>(RECENT)
  readonly #recentRecords = new Recent<number, KeyRecord>(RECENT)
  /** Withdrawn, and not come back since. */
  readonly #withdrawn = new Set<string>()
  #policiesMax = POLICIES_MIN
  #position = 0
  #taken = 0

  /** Takes in records as the store reads them at start, or as they are committed; forgets those that are withdrawn. */
  add({ keys, owners, roles, importSources, withdrawn }: Changes): void {
    // One more for what else a commit brings.
    this.#taken += 1 + keys.length + owners.length + roles.length
    this.#policies.addRoles(roles)
    for (const source of importSources) this.#importSources.add(source)
    for (const owner of owners) this.#owners.add(owner)
    for (const key of keys) this.#write(key)
    if (owners.length > 0) this.#recentRecords.clear()
    if (this.#policies.size > this.#policiesMax) this.#dropPolicies()
    if (this.#withdrawn.size > 0)
      for (const { id } of [...keys, ...owners, ...roles, ...importSources]) this.#withdrawn.delete(id)
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
    return this.#keys.size
  }

  /** How much was taken in since this index was made or restored: what a snapshot of that moment does not have. */
  get taken(): number {
    return this.#taken
  }

  /** What is held of the key with this locator, as it is now. */
  lookup(locator: string): KeyRecord | undefined {
    return this.#recordOf(this.#recentSlots.get(locator) ?? this.#found(locator, this.#keys.find(locator)))
  }

  /** What is held of the imported key that this digest leads to (keys/import/digests.ts). NOT checked: that it proves it. */
  lookupImported(digest: string): KeyRecord | undefined {
    return this.#recordOf(this.#recentSlots.get(digest) ?? this.#found(digest, this.#slotOfImported(digest)))
  }

  /** How foreign texts are read in an environment. */
  importSources(projectId: string, environment: Environment): readonly ImportSource[] {
    return this.#importSources.of(projectId, environment)
  }

  /**
   * The index as it is now, for a snapshot; nothing else is captured until `release`. Null while something is withdrawn:
   * it must be looked for in the database at each start until it is back.
   */
  capture(): { readonly parts: readonly Part[]; readonly release: () => void } | null {
    if (this.#withdrawn.size > 0) return null
    const { parts, counts, release } = this.#keys.capture()
    const refs = this.#importRefs.capture()
    const all: Counts = { ...counts, importRefs: refs.count }
    return {
      parts: [
        jsonPart(COUNTS, [all]),
        jsonPart(PLACES, this.#places.list()),
        jsonPart(REASONS, this.#reasons.list()),
        this.#owners.capture(),
        ...this.#policies.capture(),
        ...parts,
        refs.part,
        this.#importSources.capture(),
      ],
      release() {
        release()
        refs.release()
      },
    }
  }

  /** Becomes what a snapshot holds, which must be of this layout and authentic. For an index that holds nothing yet. */
  restore(parts: Parts): void {
    const [counts] = jsonValues(parts, COUNTS) as Counts[]
    if (counts === undefined) throw new Error('a snapshot without its counts')
    this.#places = new Interned(jsonValues(parts, PLACES) as Place[])
    this.#reasons = new Interned(jsonValues(parts, REASONS) as (string | null)[])
    this.#owners = Owners.restore(parts)
    this.#policies = Policies.restore(parts)
    this.#keys = KeyPages.restore(parts, counts)
    this.#importRefs = ImportRefs.restore(parts, counts.importRefs)
    this.#importSources = ImportSources.restore(parts)
    this.#policiesMax = Math.max(POLICIES_MIN, 2 * this.#policies.size)
  }

  #slotOfImported(digest: string): number {
    const slot = this.#importRefs.find(digest)
    return slot !== -1 && this.#keys.isHeld(slot) ? slot : -1
  }

  #found(name: string, slot: number): number {
    if (slot !== -1) this.#recentSlots.add(name, slot)
    return slot
  }

  #recordOf(slot: number): KeyRecord | undefined {
    if (slot === -1) return undefined
    const recent = this.#recentRecords.get(slot)
    if (recent !== undefined) return recent
    const record = this.#make(slot)
    this.#recentRecords.add(slot, record)
    return record
  }

  #make(slot: number): KeyRecord {
    const key = this.#keys.read(slot)
    const place = this.#places.at(key.place)
    const owner = key.owner === null ? null : this.#owners.at(key.owner)
    return {
      keyId: key.id,
      kind: place.kind,
      projectId: place.projectId,
      environment: place.environment,
      ownerId: owner === null ? null : owner.id,
      owner: owner === null ? null : owner.facts,
      state: key.state,
      revocationReason: this.#reasons.at(key.reason),
      notBefore: key.notBefore,
      expiresAt: key.expiresAt,
      policy: this.#policies.at(key.policy),
      versions: key.versions,
    }
  }

  /** The decision fields only: what is not here cannot leak from a verifier. */
  #write(key: ApiKey): void {
    const { kind, projectId, environment, ownerId } = key
    const slot = this.#keys.write(key.locator, {
      id: key.id,
      place: this.#places.numberOf({ kind, projectId, environment }),
      policy: this.#policies.numberOf(key),
      owner: ownerId === null ? null : this.#owners.numberOf(ownerId),
      state: key.state,
      reason: this.#reasons.numberOf(key.revocationReason),
      notBefore: key.notBefore,
      expiresAt: key.expiresAt,
      versions: key.versions.slice(0, VERSIONS_HELD_MAX),
    })
    this.#recentRecords.delete(slot)
    if (key.imported === null) return
    const digest = upgradedDigest(key) ?? key.imported.ref
    this.#importRefs.add(digest, slot)
    this.#recentSlots.delete(digest)
  }

  #forget(ids: ReadonlySet<string>): void {
    for (const id of ids) this.#withdrawn.add(id)
    this.#policies.withdrawRoles(ids)
    this.#keys.forget(ids)
    this.#importSources.forget(ids)
    this.#recentSlots.clear()
    this.#recentRecords.clear()
  }

  #dropPolicies(): void {
    this.#policies.keepOnly(this.#keys.policiesInUse())
    this.#policiesMax = Math.max(POLICIES_MIN, 2 * this.#policies.size)
  }
}
