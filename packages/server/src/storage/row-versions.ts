/**
 * Which version of each sealed row was committed last, as the log says it: a row that is read must be exactly that one,
 * so that an old row put back by SQL shows though it carries a valid MAC (T-07).
 *
 * A draft is a layer above: changes become the lower layer's when it adopts them, and are forgotten otherwise.
 */
export class RowVersions {
  readonly #below: RowVersions | null
  readonly #versions = new Map<string, number>()
  /** The first two: whether there is one alone is asked with each key that is issued. */
  readonly #projects: string[] = []

  constructor(below: RowVersions | null = null) {
    this.#below = below
  }

  draft(): RowVersions {
    return new RowVersions(this)
  }

  /** The version of the row as of this layer; undefined when there is no such row. */
  versionOf(id: string): number | undefined {
    return this.#versions.get(id) ?? this.#below?.versionOf(id)
  }

  /** Notes that a row now has this version. */
  note(id: string, version: number): void {
    if (id.startsWith('prj_') && this.#projects.length < 2 && this.versionOf(id) === undefined)
      this.#projects.push(id)
    this.#versions.set(id, version)
  }

  /** The id of the project, where there is exactly one. */
  onlyProject(): string | null {
    const [first, ...others] = this.#someProjects()
    return first === undefined || others.length > 0 ? null : first
  }

  #someProjects(): readonly string[] {
    return this.#below === null ? this.#projects : [...this.#below.#someProjects(), ...this.#projects]
  }

  /** Takes over what a draft above this layer has changed. */
  adopt(draft: RowVersions): void {
    for (const [id, version] of draft.#versions) this.note(id, version)
  }

  /** How many rows there are, as of this layer alone. */
  get size(): number {
    return this.#versions.size
  }

  /** The id of every row, as of this layer alone. */
  ids(): IterableIterator<string> {
    return this.#versions.keys()
  }
}
