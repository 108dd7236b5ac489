import type { VersionRecord } from '@keystead/protocol/decision'
import type { Part, Parts } from '../compact/part.ts'
import { type CapturedPages, RecordPages } from '../compact/pages.ts'
import { DIGEST_LENGTH, numberOrNull, writeAscii } from './fields.ts'

const ACCEPTED_UNTIL = 0
const NUMBER = 8
const NEXT = 12
const DIGEST = 16
const RECORD_BYTES = 64
const PART = 'key-versions'
export const VERSION_CELLS_LAYOUT = `${PART} ${RECORD_BYTES}`

/** Cells are chained by their number plus one; 0 ends a chain. */
export type Chain = number

/**
 * What keys hold beside their newest version, a chain of cells for each key that has more. Cells that a key gives back
 * are used again.
 */
export class VersionCells {
  readonly #cells: RecordPages
  #free: Chain

  constructor(cells: RecordPages = new RecordPages(RECORD_BYTES), free: Chain = 0) {
    this.#cells = cells
    this.#free = free
  }

  static restore(parts: Parts, { count, free }: { count: number; free: Chain }): VersionCells {
    return new VersionCells(RecordPages.restore(RECORD_BYTES, count, parts.get(PART) ?? []), free)
  }

  /** The versions of a chain, in the order in which they were given. */
  read(chain: Chain): VersionRecord[] {
    const versions: VersionRecord[] = []
    for (let at = chain; at !== 0;) {
      const page = this.#cells.pageOf(at - 1)
      const from = this.#cells.byteOf(at - 1)
      versions.push({
        number: page.words[(from + NUMBER) / 4] ?? 0,
        digest: page.bytes.toString('latin1', from + DIGEST, from + DIGEST + DIGEST_LENGTH),
        acceptedUntil: numberOrNull(page.numbers[(from + ACCEPTED_UNTIL) / 8]),
      })
      at = page.words[(from + NEXT) / 4] ?? 0
    }
    return versions
  }

  /** Keeps versions and answers with their chain. */
  write(versions: readonly VersionRecord[]): Chain {
    return versions.reduceRight((next, version) => this.#add(version, next), 0)
  }

  /** Takes the cells of a chain back, emptied. */
  release(chain: Chain): void {
    for (let at = chain; at !== 0;) {
      const { words, bytes } = this.#cells.writablePageOf(at - 1)
      const from = this.#cells.byteOf(at - 1)
      const next = (from + NEXT) / 4
      const following = words[next] ?? 0
      bytes.fill(0, from + DIGEST, from + DIGEST + DIGEST_LENGTH)
      words[next] = this.#free
      this.#free = at
      at = following
    }
  }

  capture(): { readonly part: Part; readonly free: Chain } & Pick<CapturedPages, 'count' | 'release'> {
    const { count, chunks, release } = this.#cells.capture()
    return { part: { name: PART, chunks }, free: this.#free, count, release }
  }

  #add({ number, digest, acceptedUntil }: VersionRecord, next: Chain): Chain {
    const cell = this.#take()
    const page = this.#cells.writablePageOf(cell)
    const from = this.#cells.byteOf(cell)
    page.numbers[(from + ACCEPTED_UNTIL) / 8] = acceptedUntil ?? Number.NaN
    page.words[(from + NUMBER) / 4] = number
    page.words[(from + NEXT) / 4] = next
    writeAscii(page.bytes, from + DIGEST, digest)
    return cell + 1
  }

  #take(): number {
    if (this.#free === 0) return this.#cells.add()
    const cell = this.#free - 1
    this.#free = this.#cells.pageOf(cell).words[(this.#cells.byteOf(cell) + NEXT) / 4] ?? 0
    return cell
  }
}
