import assert from 'node:assert'
import type { VersionRecord } from '@keystead/protocol/decision'
import { KEY_STATES, type KeyState } from '@keystead/protocol/lifecycle'
import { hashOfWords, PackedText } from '../compact/packed-text.ts'
import type { Part, Parts } from '../compact/part.ts'
import { RecordPages } from '../compact/pages.ts'
import { SlotTable } from '../compact/slot-table.ts'
import { DIGEST_LENGTH, numberOrNull, requireAscii, writeAscii } from './fields.ts'
import { VERSION_CELLS_LAYOUT, VersionCells } from './version-cells.ts'

// Byte offsets. The newest version is in the record itself, since most keys have no other.
const NOT_BEFORE = 0
const EXPIRES_AT = 8
const ACCEPTED_UNTIL = 16
const NUMBER = 24
const CHAIN = 28
const PLACE = 32
const POLICY = 36
const OWNER = 40
const STATE = 44
const REASON = 45
const HELD = 46
const LOCATOR = 48
const ID = 60
const DIGEST = 90
const RECORD_BYTES = 136

const LOCATOR_WORDS = 3
const LOCATOR_LENGTH = 4 * LOCATOR_WORDS
/** A prefix of three letters and a ULID (ids.ts). */
const ID_LENGTH = 30
const REASONS_MAX = 255
const PART = 'keys'
/** What a snapshot says about how its records are laid out: a program that lays them out otherwise must not read it. */
export const KEY_LAYOUT = [PART, RECORD_BYTES, VERSION_CELLS_LAYOUT, ...KEY_STATES].join(' ')

/** One key as the pages keep it: what many keys share is a number. */
export interface PagedKey {
  readonly id: string
  readonly place: number
  readonly policy: number
  /** Null for a root key. */
  readonly owner: number | null
  readonly state: KeyState
  readonly reason: number
  readonly notBefore: number | null
  readonly expiresAt: number | null
  readonly versions: readonly VersionRecord[]
}

/** How much there is of each, beside the pages themselves. */
export interface PageCounts {
  readonly keys: number
  readonly cells: number
  readonly freeCell: number
}

/** Every key by its locator in about 150 bytes, outside the heap. */
export class KeyPages {
  readonly #records: RecordPages
  readonly #versions: VersionCells
  readonly #slots = new SlotTable()
  readonly #wanted = new PackedText(LOCATOR_WORDS)
  #size = 0

  constructor(records: RecordPages = new RecordPages(RECORD_BYTES), versions = new VersionCells()) {
    this.#records = records
    this.#versions = versions
  }

  /** The pages that a snapshot holds. */
  static restore(parts: Parts, { keys, cells, freeCell }: PageCounts): KeyPages {
    const pages = new KeyPages(
      RecordPages.restore(RECORD_BYTES, keys, parts.get(PART) ?? []),
      VersionCells.restore(parts, { count: cells, free: freeCell }),
    )
    for (let slot = 0; slot < keys; slot++) {
      const { words, bytes } = pages.#records.pageOf(slot)
      const from = pages.#records.byteOf(slot)
      pages.#slots.add(hashOfWords(words, (from + LOCATOR) / 4, LOCATOR_WORDS), slot)
      pages.#size += bytes[from + HELD] ?? 0
    }
    return pages
  }

  /** How many keys are held. */
  get size(): number {
    return this.#size
  }

  /** The slot of the key with this locator, or -1. It stays the same for as long as the process runs. */
  find(locator: string): number {
    const slot = this.#slotOf(locator)
    return slot !== -1 && this.isHeld(slot) ? slot : -1
  }

  /** Whether the key of this slot is there: it is not once it has been forgotten. */
  isHeld(slot: number): boolean {
    return this.#records.pageOf(slot).bytes[this.#records.byteOf(slot) + HELD] === 1
  }

  read(slot: number): PagedKey {
    const { bytes, words, numbers } = this.#records.pageOf(slot)
    const from = this.#records.byteOf(slot)
    const number = words[(from + NUMBER) / 4] ?? 0
    const chain = words[(from + CHAIN) / 4] ?? 0
    const owner = words[(from + OWNER) / 4] ?? 0
    const newest = {
      number,
      digest: bytes.toString('latin1', from + DIGEST, from + DIGEST + DIGEST_LENGTH),
      acceptedUntil: numberOrNull(numbers[(from + ACCEPTED_UNTIL) / 8]),
    }
    return {
      id: bytes.toString('latin1', from + ID, from + ID + ID_LENGTH),
      place: words[(from + PLACE) / 4] ?? 0,
      policy: words[(from + POLICY) / 4] ?? 0,
      owner: owner === 0 ? null : owner - 1,
      state: stateOf(bytes[from + STATE]),
      reason: bytes[from + REASON] ?? 0,
      notBefore: numberOrNull(numbers[(from + NOT_BEFORE) / 8]),
      expiresAt: numberOrNull(numbers[(from + EXPIRES_AT) / 8]),
      versions: number === 0 ? [] : chain === 0 ? [newest] : [newest, ...this.#versions.read(chain)],
    }
  }

  /** Puts a key in the place of what was there by its locator; answers with its slot. */
  write(locator: string, key: PagedKey): number {
    assert(locator.length === LOCATOR_LENGTH && this.#wanted.pack(locator), 'not a locator')
    assert(key.reason <= REASONS_MAX, 'more reasons than a byte can number')
    requireAscii(key.id, ID_LENGTH)
    for (const { digest } of key.versions) requireAscii(digest, DIGEST_LENGTH)
    const slot = this.#slotFor(locator)
    const { bytes, words, numbers } = this.#records.writablePageOf(slot)
    const from = this.#records.byteOf(slot)
    const [newest, ...others] = key.versions
    this.#versions.release(words[(from + CHAIN) / 4] ?? 0)
    words.set(this.#wanted.words, (from + LOCATOR) / 4)
    numbers[(from + NOT_BEFORE) / 8] = key.notBefore ?? Number.NaN
    numbers[(from + EXPIRES_AT) / 8] = key.expiresAt ?? Number.NaN
    numbers[(from + ACCEPTED_UNTIL) / 8] = newest?.acceptedUntil ?? Number.NaN
    words[(from + NUMBER) / 4] = newest?.number ?? 0
    words[(from + CHAIN) / 4] = this.#versions.write(others)
    words[(from + PLACE) / 4] = key.place
    words[(from + POLICY) / 4] = key.policy
    words[(from + OWNER) / 4] = key.owner === null ? 0 : key.owner + 1
    bytes[from + STATE] = KEY_STATES.indexOf(key.state)
    bytes[from + REASON] = key.reason
    writeAscii(bytes, from + ID, key.id)
    if (newest !== undefined) writeAscii(bytes, from + DIGEST, newest.digest)
    // What erases a key erases its digest from memory too.
    else bytes.fill(0, from + DIGEST, from + DIGEST + DIGEST_LENGTH)
    this.#size += bytes[from + HELD] === 1 ? 0 : 1
    bytes[from + HELD] = 1
    return slot
  }

  /** Forgets the keys with these ids. Looks at all keys: for what happens after damage only. */
  forget(ids: ReadonlySet<string>): void {
    for (let slot = 0; slot < this.#records.count; slot++) {
      if (!this.isHeld(slot) || !ids.has(this.read(slot).id)) continue
      this.#records.writablePageOf(slot).bytes[this.#records.byteOf(slot) + HELD] = 0
      this.#size -= 1
    }
  }

  /** Every policy number that a key has. */
  policiesInUse(): ReadonlySet<number> {
    const policies = new Set<number>()
    for (let slot = 0; slot < this.#records.count; slot++) {
      const { words } = this.#records.pageOf(slot)
      policies.add(words[(this.#records.byteOf(slot) + POLICY) / 4] ?? 0)
    }
    return policies
  }

  /** The pages as they are now; nothing else is captured until `release`. */
  capture(): { readonly parts: readonly Part[]; readonly counts: PageCounts; readonly release: () => void } {
    const keys = this.#records.capture()
    const cells = this.#versions.capture()
    return {
      parts: [{ name: PART, chunks: keys.chunks }, cells.part],
      counts: { keys: keys.count, cells: cells.count, freeCell: cells.free },
      release() {
        keys.release()
        cells.release()
      },
    }
  }

  /** Whether this slot holds the locator that was packed last. */
  holds(slot: number): boolean {
    return this.#wanted.isAt(this.#records.pageOf(slot).words, (this.#records.byteOf(slot) + LOCATOR) / 4)
  }

  #slotOf(locator: string): number {
    return this.#wanted.pack(locator) ? this.#slots.find(this.#wanted.hash, this) : -1
  }

  #slotFor(locator: string): number {
    const known = this.#slotOf(locator)
    if (known !== -1) return known
    const slot = this.#records.add()
    this.#slots.add(this.#wanted.hash, slot)
    return slot
  }
}

function stateOf(byte: number | undefined): KeyState {
  const state = KEY_STATES[byte ?? KEY_STATES.length]
  assert(state !== undefined, 'a record without a state')
  return state
}
