/**
 * Which version of each sealed row was committed last, as the log says it: a row that is read must be exactly that one,
 * so that an old row put back by SQL shows though it carries a valid MAC (T-07).
 */
export interface RowVersions {
  /** A layer above: its changes become this layer's when it adopts them, and are forgotten otherwise. */
  draft(): DraftVersions
  /** The version of the row as of this layer; undefined when there is no such row. */
  versionOf(id: string): number | undefined
  /** Notes that a row now has this version. */
  note(id: string, version: number): void
  /** Takes over what a draft above this layer has changed. */
  adopt(draft: DraftVersions): void
  /** The id of the project, where there is exactly one. */
  onlyProject(): string | null
  /** The ids of the first two projects, or of as many as there are. */
  someProjects(): readonly string[]
}

/** What a transaction or a batch changes before it is committed. */
export class DraftVersions implements RowVersions {
  readonly #below: RowVersions
  readonly #versions = new Map<string, number>()
  /** The first two: whether there is one alone is asked with each key that is issued. */
  readonly #projects: string[] = []

  constructor(below: RowVersions) {
    this.#below = below
  }

  draft(): DraftVersions {
    return new DraftVersions(this)
  }

  versionOf(id: string): number | undefined {
    return this.#versions.get(id) ?? this.#below.versionOf(id)
  }

  note(id: string, version: number): void {
    if (id.startsWith('prj_') && this.#projects.length < 2 && this.versionOf(id) === undefined)
      this.#projects.push(id)
    this.#versions.set(id, version)
  }

  onlyProject(): string | null {
    return onlyOf(this.someProjects())
  }

  someProjects(): readonly string[] {
    return [...this.#below.someProjects(), ...this.#projects]
  }

  adopt(draft: DraftVersions): void {
    for (const [id, version] of draft.changes()) this.note(id, version)
  }

  /** What this layer alone has changed. */
  changes(): IterableIterator<[id: string, version: number]> {
    return this.#versions.entries()
  }
}

/** The only one of these, or null. */
export function onlyOf([first, ...others]: readonly string[]): string | null {
  return first === undefined || others.length > 0 ? null : first
}
