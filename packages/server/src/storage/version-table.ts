import assert from 'node:assert'
import { hashOfWords, PackedText } from '../compact/packed-text.ts'
import { RecordPages } from '../compact/pages.ts'
import type { Part, Parts } from '../compact/part.ts'
import { SlotTable } from '../compact/slot-table.ts'
import { DraftVersions, onlyOf, type RowVersions } from './row-versions.ts'

/** An id is a short word and a ULID (ids.ts): 31 characters at most. */
const ID_WORDS = 8
const VERSION_WORD = ID_WORDS
const RECORD_BYTES = 4 * (ID_WORDS + 1)
const PROJECT = 'prj_'
/** How the ids of projects begin, as the first word of a record. */
const PROJECT_WORD = Buffer.from(PROJECT).readUInt32LE()
const PART = 'row-versions'
/** What a snapshot says about how its records are laid out. */
export const VERSION_LAYOUT = `${PART} ${RECORD_BYTES}`

/** The committed version of every sealed row in about 50 bytes each; see RowVersions. */
export class VersionTable implements RowVersions {
  readonly #records: RecordPages
  readonly #slots = new SlotTable()
  readonly #wanted = new PackedText(ID_WORDS)
  /** The first two: whether there is one alone is asked with each key that is issued. */
  readonly #projects: string[] = []

  constructor(records: RecordPages = new RecordPages(RECORD_BYTES)) {
    this.#records = records
  }

  /** The table that a snapshot holds, with VERSION_LAYOUT and so many rows. */
  static restore(parts: Parts, count: number): VersionTable {
    const table = new VersionTable(RecordPages.restore(RECORD_BYTES, count, parts.get(PART) ?? []))
    for (let slot = 0; slot < count; slot++) {
      const { words } = table.#records.pageOf(slot)
      table.#slots.add(hashOfWords(words, table.#wordOf(slot), ID_WORDS), slot)
      if (words[table.#wordOf(slot)] === PROJECT_WORD) table.#noteProject(table.#idAt(slot))
    }
    return table
  }

  draft(): DraftVersions {
    return new DraftVersions(this)
  }

  versionOf(id: string): number | undefined {
    // What cannot be an id is the id of nothing.
    if (!this.#wanted.pack(id)) return undefined
    const slot = this.#slots.find(this.#wanted.hash, this)
    return slot === -1 ? undefined : this.#records.pageOf(slot).words[this.#wordOf(slot) + VERSION_WORD]
  }

  note(id: string, version: number): void {
    assert(this.#wanted.pack(id), 'an id that no table keeps')
    assert(Number.isInteger(version) && version > 0 && version < 2 ** 32, 'a version that no row can have')
    let slot = this.#slots.find(this.#wanted.hash, this)
    if (slot === -1) {
      slot = this.#records.add()
      this.#slots.add(this.#wanted.hash, slot)
      this.#noteProject(id)
    }
    const { words } = this.#records.writablePageOf(slot)
    const from = this.#wordOf(slot)
    words.set(this.#wanted.words, from)
    words[from + VERSION_WORD] = version
  }

  adopt(draft: DraftVersions): void {
    for (const [id, version] of draft.changes()) this.note(id, version)
  }

  onlyProject(): string | null {
    return onlyOf(this.#projects)
  }

  someProjects(): readonly string[] {
    return this.#projects
  }

  /** How many rows there are. */
  get size(): number {
    return this.#records.count
  }

  /** The id of every row. */
  *ids(): IterableIterator<string> {
    for (let slot = 0; slot < this.size; slot++) yield this.#idAt(slot)
  }

  /** The table as it is now, for a snapshot; nothing else is captured until `release`. */
  capture(): { readonly part: Part; readonly count: number; readonly release: () => void } {
    const { count, chunks, release } = this.#records.capture()
    return { part: { name: PART, chunks }, count, release }
  }

  /** Whether this slot holds the id that was packed last. */
  holds(slot: number): boolean {
    return this.#wanted.isAt(this.#records.pageOf(slot).words, this.#wordOf(slot))
  }

  #noteProject(id: string): void {
    if (id.startsWith(PROJECT) && this.#projects.length < 2) this.#projects.push(id)
  }

  #wordOf(slot: number): number {
    return this.#records.byteOf(slot) / 4
  }

  #idAt(slot: number): string {
    const from = this.#records.byteOf(slot)
    const { bytes } = this.#records.pageOf(slot)
    const text = bytes.toString('latin1', from, from + 4 * ID_WORDS)
    const end = text.indexOf('\0')
    return end === -1 ? text : text.slice(0, end)
  }
}
