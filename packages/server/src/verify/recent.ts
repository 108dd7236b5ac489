/**
 * What was used last, by name: everything of the last `size` that were added or found, and at most twice as many. Two
 * generations, of which the older one is let go when the younger is full; no place that two of them could fight for.
 */
export class Recent<Name, T> {
  readonly #size: number
  #young = new Map<Name, T>()
  #old = new Map<Name, T>()

  constructor(size: number) {
    this.#size = size
  }

  get(name: Name): T | undefined {
    const young = this.#young.get(name)
    if (young !== undefined) return young
    const old = this.#old.get(name)
    if (old !== undefined) this.add(name, old)
    return old
  }

  add(name: Name, value: T): void {
    if (this.#young.size >= this.#size) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(name, value)
  }

  delete(name: Name): void {
    this.#young.delete(name)
    this.#old.delete(name)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
  }
}
