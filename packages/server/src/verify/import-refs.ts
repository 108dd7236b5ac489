import assert from 'node:assert'
import { hashOfWords, PackedText } from '../compact/packed-text.ts'
import { RecordPages } from '../compact/pages.ts'
import type { Part, Parts } from '../compact/part.ts'
import { SlotTable } from '../compact/slot-table.ts'

const DIGEST_WORDS = 11
const SLOT_WORD = DIGEST_WORDS
const RECORD_BYTES = 4 * (DIGEST_WORDS + 1)
const PART = 'import-refs'
export const IMPORT_REFS_LAYOUT = `${PART} ${RECORD_BYTES}`

/**
 * From what a foreign text leads to (keys/import/digests.ts) to the slot of its key, in about 70 bytes, outside the heap.
 * Nothing is removed: a key has at most two entries, and whether one still proves it is for the key's versions to say.
 */
export class ImportRefs {
  readonly #records: RecordPages
  readonly #table = new SlotTable()
  readonly #wanted = new PackedText(DIGEST_WORDS)

  constructor(records: RecordPages = new RecordPages(RECORD_BYTES)) {
    this.#records = records
  }

  /** `count`: how many entries the snapshot's pages hold. */
  static restore(parts: Parts, count: number): ImportRefs {
    const refs = new ImportRefs(RecordPages.restore(RECORD_BYTES, count, parts.get(PART) ?? []))
    for (let entry = 0; entry < count; entry++) {
      const { words } = refs.#records.pageOf(entry)
      refs.#table.add(hashOfWords(words, refs.#records.byteOf(entry) / 4, DIGEST_WORDS), entry)
    }
    return refs
  }

  /** The slot that a digest leads to, or -1. */
  find(digest: string): number {
    if (this.#records.count === 0 || !this.#wanted.pack(digest)) return -1
    const entry = this.#table.find(this.#wanted.hash, this)
    if (entry === -1) return -1
    const { words } = this.#records.pageOf(entry)
    return words[this.#records.byteOf(entry) / 4 + SLOT_WORD] ?? -1
  }

  /** Has a digest lead to a slot from now on. */
  add(digest: string, slot: number): void {
    assert(this.#wanted.pack(digest), 'not a digest')
    const known = this.#table.find(this.#wanted.hash, this)
    const entry = known === -1 ? this.#records.add() : known
    const { words } = this.#records.writablePageOf(entry)
    const from = this.#records.byteOf(entry) / 4
    words.set(this.#wanted.words, from)
    words[from + SLOT_WORD] = slot
    if (known === -1) this.#table.add(this.#wanted.hash, entry)
  }

  /** Whether this entry is of the digest that was packed last. */
  holds(entry: number): boolean {
    return this.#wanted.isAt(this.#records.pageOf(entry).words, this.#records.byteOf(entry) / 4)
  }

  /** The entries as they are now; nothing else is captured until `release`. */
  capture(): { readonly part: Part; readonly count: number; readonly release: () => void } {
    const { count, chunks, release } = this.#records.capture()
    return { part: { name: PART, chunks }, count, release }
  }
}
