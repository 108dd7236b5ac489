import { readUse, type Use, USE_RECORD_BYTES, USE_REPEATS } from '@keystead/protocol/use-record'
import { hashOfWords } from '../compact/packed-text.ts'
import { RecordPages } from '../compact/pages.ts'
import { SlotTable } from '../compact/slot-table.ts'

export const MINUTE_MS = 60_000
/** The minute, and of a record (use-record.ts) what is the same for uses that are counted together: key, version, code. */
const SAME_WORDS = 7
/** Of its second word the key, of its seventh all but the flags: little-endian, as all platforms that are served. */
const SECOND_MASK = 0xffff_0000
const SEVENTH_MASK = 0x00ff_ffff
const RECORD_WORDS = USE_RECORD_BYTES / 4

// In words of an entry, which begins with the time of its last use.
const LAST_AT = 0
const SAME = 2
const COUNT = SAME + SAME_WORDS
const ENTRY_WORDS = COUNT + 1

/** Uses of one key, version and code in one minute. Times are epoch milliseconds. */
export interface Tallied extends Pick<Use, 'keyId' | 'versionNumber' | 'code'> {
  readonly minuteAt: number
  readonly count: number
  readonly lastAt: number
}

/** Adds up records by minute, a few dozen nanoseconds each: on the words that they consist of, without a text or object. */
export class UseTally {
  /** By entry: what its first record says; null where it is none. */
  readonly #uses: (Pick<Use, 'keyId' | 'versionNumber' | 'code'> | null)[] = []
  readonly #entries = new RecordPages(4 * ENTRY_WORDS)
  readonly #table = new SlotTable()
  readonly #wanted = new Uint32Array(SAME_WORDS)

  /** Takes the records [from, to) of a segment. */
  add(segment: Uint8Array, from: number, to: number): void {
    const bytes = segment.byteOffset % 4 === 0 ? segment : Uint8Array.from(segment)
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let index = from; index < to; index++) {
      const at = index * USE_RECORD_BYTES
      const time = view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2)
      this.#want(words, index * RECORD_WORDS, time)
      this.#count(bytes, index, time, 1 + view.getUint32(at + USE_REPEATS))
    }
  }

  /** What it has come to, in the order of first uses; what is not a record is left out. */
  *entries(): Generator<Tallied> {
    for (const [slot, use] of this.#uses.entries()) {
      if (use === null) continue
      const { words, numbers } = this.#entries.pageOf(slot)
      const from = this.#entries.byteOf(slot) / 4
      const { keyId, versionNumber, code } = use
      const lastAt = numbers[(from + LAST_AT) / 2] ?? 0
      const minuteAt = lastAt - (lastAt % MINUTE_MS)
      yield { keyId, versionNumber, code, minuteAt, count: words[from + COUNT] ?? 0, lastAt }
    }
  }

  /** Whether this entry is of the uses that are wanted. */
  holds(slot: number): boolean {
    const { words } = this.#entries.pageOf(slot)
    const from = this.#entries.byteOf(slot) / 4 + SAME
    for (let i = 0; i < SAME_WORDS; i++) if (words[from + i] !== this.#wanted[i]) return false
    return true
  }

  #want(words: Uint32Array, from: number, time: number): void {
    const wanted = this.#wanted
    // The lowest 32 bits: the same for minutes that are 8,000 years apart.
    wanted[0] = Math.floor(time / MINUTE_MS)
    wanted[1] = (words[from + 1] ?? 0) & SECOND_MASK
    for (let i = 2; i < SAME_WORDS - 1; i++) wanted[i] = words[from + i] ?? 0
    wanted[SAME_WORDS - 1] = (words[from + SAME_WORDS - 1] ?? 0) & SEVENTH_MASK
  }

  #count(bytes: Uint8Array, index: number, time: number, uses: number): void {
    const hash = hashOfWords(this.#wanted, 0, SAME_WORDS)
    const known = this.#table.find(hash, this)
    const slot = known === -1 ? this.#entries.add() : known
    const { words, numbers } = this.#entries.writablePageOf(slot)
    const from = this.#entries.byteOf(slot) / 4
    if (known === -1) {
      this.#table.add(hash, slot)
      words.set(this.#wanted, from + SAME)
      this.#uses[slot] = readUse(bytes, index)
    }
    words[from + COUNT] = (words[from + COUNT] ?? 0) + uses
    const last = (from + LAST_AT) / 2
    if (time > (numbers[last] ?? 0)) numbers[last] = time
  }
}
