/** Sums of row tags wrap around at 256 bits. */
const SUM_BITS = 256

/**
 * What was last committed, row for row: the version of every sealed row, and the sum of the tags of their MACs. Each
 * commit seals the sum together with the head of the log, so that a row deleted, added or put back by SQL shows at the
 * next start, and at once when it is read (T-07). A keyed multiset hash (Clarke and others, MSet-Add-Hash, 2003).
 *
 * A draft is a layer above: changes become the lower layer's when it adopts them, and are forgotten otherwise.
 */
export class SealedState {
  readonly #below: SealedState | null
  readonly #versions = new Map<string, number>()
  #difference = 0n

  constructor(below: SealedState | null = null) {
    this.#below = below
  }

  draft(): SealedState {
    return new SealedState(this)
  }

  /** The version of the row as of this layer; undefined when there is no such row. */
  versionOf(id: string): number | undefined {
    return this.#versions.get(id) ?? this.#below?.versionOf(id)
  }

  /** The sum over all rows as of this layer, in hex. */
  sum(): string {
    return BigInt.asUintN(SUM_BITS, this.#total()).toString(16)
  }

  /** Notes a row that was written: its tag (64 hex digits), and that of the row it replaces, null for a new one. */
  replace(id: string, version: number, oldTag: string | null, newTag: string): void {
    this.#versions.set(id, version)
    const removed = oldTag === null ? 0n : BigInt(`0x${oldTag}`)
    this.#difference += BigInt(`0x${newTag}`) - removed
  }

  /** Takes over what a draft above this layer has changed. */
  adopt(draft: SealedState): void {
    for (const [id, version] of draft.#versions) this.#versions.set(id, version)
    this.#difference += draft.#difference
  }

  /** Every row's version, as of this layer alone. */
  versions(): ReadonlyMap<string, number> {
    return this.#versions
  }

  #total(): bigint {
    const below = this.#below === null ? 0n : this.#below.#total()
    return below + this.#difference
  }
}
