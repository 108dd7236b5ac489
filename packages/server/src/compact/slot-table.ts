/** Entries of one segment: a split moves at most this many, in well under a millisecond. */
const SEGMENT_ENTRIES = 4_096
const ENTRY_MASK = SEGMENT_ENTRIES - 1
/** Above this, runs of taken entries get long. */
const SEGMENT_FULL = SEGMENT_ENTRIES * 0.75

interface Segment {
  /** Pairs of a hash and a slot plus one; zero is free. */
  readonly entries: Uint32Array
  /** How many of the highest bits of a hash lead to this segment. */
  readonly depth: number
  count: number
}

/** Whoever keeps what the slots number. */
export interface Slots {
  /** Whether this slot holds what is being looked for. */
  holds(slot: number): boolean
}

/**
 * From 32-bit hashes to slots: open addressing in segments that split when they are full (extendible hashing), so that
 * no insertion ever moves more than one segment. Nothing is removed. A hash that is not there costs one run of entries
 * and no look at any slot, but for those whose whole hash is equal.
 */
export class SlotTable {
  #depth = 0
  /** By the highest `#depth` bits of a hash; several may be the same segment. */
  #segments: Segment[] = [emptySegment(0)]

  /** The slot with this hash that `slots` recognises, or -1. */
  find(hash: number, slots: Slots): number {
    const { entries } = this.#segmentOf(hash)
    for (let at = hash & ENTRY_MASK; ; at = (at + 1) & ENTRY_MASK) {
      const slot = entries[2 * at + 1] ?? 0
      if (slot === 0) return -1
      if (entries[2 * at] === hash && slots.holds(slot - 1)) return slot - 1
    }
  }

  /** Adds a slot that is not there yet. `hash`: 32 bits, unsigned. */
  add(hash: number, slot: number): void {
    let segment = this.#segmentOf(hash)
    while (segment.count >= SEGMENT_FULL) {
      this.#split(hash, segment)
      segment = this.#segmentOf(hash)
    }
    put(segment, hash, slot + 1)
  }

  #segmentOf(hash: number): Segment {
    const segment = this.#segments[this.#depth === 0 ? 0 : hash >>> (32 - this.#depth)]
    if (segment === undefined) throw new Error('the table has lost a segment')
    return segment
  }

  #split(hash: number, full: Segment): void {
    const depth = full.depth + 1
    // Even with all entries in one place the lowest bits still tell; this many equal hashes mean that the hash is broken.
    if (depth > 32 - Math.log2(SEGMENT_ENTRIES)) throw new Error('too many equal hashes')
    if (full.depth === this.#depth) {
      this.#segments = this.#segments.flatMap((segment) => [segment, segment])
      this.#depth += 1
    }
    const halves = [emptySegment(depth), emptySegment(depth)] as const
    for (let at = 0; at < full.entries.length; at += 2) {
      const slot = full.entries[at + 1] ?? 0
      const own = full.entries[at] ?? 0
      if (slot !== 0) put(halves[(own >>> (32 - depth)) & 1 ? 1 : 0], own, slot)
    }
    const width = 2 ** (this.#depth - full.depth)
    const first = Math.floor((full.depth === 0 ? 0 : hash >>> (32 - full.depth)) * width)
    this.#segments.fill(halves[0], first, first + width / 2)
    this.#segments.fill(halves[1], first + width / 2, first + width)
  }
}

function emptySegment(depth: number): Segment {
  return { entries: new Uint32Array(2 * SEGMENT_ENTRIES), depth, count: 0 }
}

function put(segment: Segment, hash: number, slotPlusOne: number): void {
  const { entries } = segment
  let at = hash & ENTRY_MASK
  while (entries[2 * at + 1] !== 0) at = (at + 1) & ENTRY_MASK
  entries[2 * at] = hash
  entries[2 * at + 1] = slotPlusOne
  segment.count += 1
}
