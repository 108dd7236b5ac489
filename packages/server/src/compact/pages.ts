import assert from 'node:assert'

/** Records of one page: small enough to copy between two verifications, large enough that there are few pages. */
const RECORDS_PER_PAGE = 4_096
const PAGE_SHIFT = 12
const PAGE_MASK = RECORDS_PER_PAGE - 1

/** The same memory as bytes, as 32-bit words and as 64-bit numbers; little-endian, as all platforms that are served. */
export interface Page {
  readonly bytes: Buffer
  readonly words: Uint32Array
  readonly numbers: Float64Array
}

/** Records as they were at one moment. They do not change until `release` is called. */
export interface CapturedPages {
  readonly count: number
  readonly chunks: readonly Uint8Array[]
  readonly release: () => void
}

/**
 * Records of a fixed size in pages of their own memory: outside the heap of the garbage collector, and growing by a page
 * at a time without a copy. While a capture is open, a page that is in it is copied before it is written to.
 */
export class RecordPages {
  readonly recordBytes: number
  readonly #pages: Page[] = []
  #count = 0
  /** While a capture is open: which pages are still the captured ones, and how many records it has. */
  #capture: { readonly shared: boolean[]; readonly count: number } | null = null

  /** `recordBytes`: a multiple of 4, and of 8 where records hold 64-bit numbers. */
  constructor(recordBytes: number) {
    assert(recordBytes % 4 === 0, 'records are made of words')
    this.recordBytes = recordBytes
  }

  /** The pages that a capture held, in the memory of its chunks where they are whole. */
  static restore(recordBytes: number, count: number, chunks: readonly Uint8Array[]): RecordPages {
    const pages = new RecordPages(recordBytes)
    const pageBytes = recordBytes * RECORDS_PER_PAGE
    assert.equal(chunks.length, Math.ceil(count / RECORDS_PER_PAGE))
    for (const [i, chunk] of chunks.entries()) {
      const records = Math.min(RECORDS_PER_PAGE, count - i * RECORDS_PER_PAGE)
      assert.equal(chunk.length, records * recordBytes)
      const isWhole = chunk.length === pageBytes && chunk.byteOffset % 8 === 0
      const memory = isWhole ? chunk : new Uint8Array(pageBytes)
      if (!isWhole) memory.set(chunk)
      pages.#append(memory)
    }
    pages.#count = count
    return pages
  }

  get count(): number {
    return this.#count
  }

  /** A new record, all zero; its number is one more than the last one's. */
  add(): number {
    const slot = this.#count
    assert(slot < 0xffff_fffe, 'more records than 32 bits can number')
    if (slot >> PAGE_SHIFT === this.#pages.length)
      this.#append(new Uint8Array(this.recordBytes * RECORDS_PER_PAGE))
    this.#count += 1
    return slot
  }

  /** The page that holds a record, to read from now: the next write may put another in its place. */
  pageOf(slot: number): Page {
    const page = this.#pages[slot >>> PAGE_SHIFT]
    assert(page !== undefined, 'no such record')
    return page
  }

  /** The page that holds a record, to write to now. */
  writablePageOf(slot: number): Page {
    const page = this.pageOf(slot)
    const number = slot >>> PAGE_SHIFT
    const capture = this.#capture
    // What came after the capture is in no chunk of it.
    if (capture === null || slot >= capture.count || capture.shared[number] !== true) return page
    const copy = viewsOf(Uint8Array.from(page.bytes))
    this.#pages[number] = copy
    capture.shared[number] = false
    return copy
  }

  /** Where a record begins in the bytes of its page. */
  byteOf(slot: number): number {
    return (slot & PAGE_MASK) * this.recordBytes
  }

  /** One at a time: an assertion failure while another is open. */
  capture(): CapturedPages {
    assert(this.#capture === null, 'a capture is open')
    const count = this.#count
    this.#capture = { shared: this.#pages.map(() => true), count }
    const chunks = this.#pages.map(({ bytes }, i) => {
      const records = Math.min(RECORDS_PER_PAGE, count - i * RECORDS_PER_PAGE)
      return bytes.subarray(0, records * this.recordBytes)
    })
    return {
      count,
      chunks,
      release: () => {
        this.#capture = null
      },
    }
  }

  #append(memory: Uint8Array): void {
    this.#pages.push(viewsOf(memory))
  }
}

function viewsOf({ buffer, byteOffset, byteLength }: Uint8Array): Page {
  return {
    bytes: Buffer.from(buffer, byteOffset, byteLength),
    words: new Uint32Array(buffer, byteOffset, byteLength / 4),
    numbers: new Float64Array(buffer, byteOffset, Math.floor(byteLength / 8)),
  }
}
