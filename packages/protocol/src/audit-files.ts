import type { CheckResult } from './audit-report.ts'
import { entriesPath, tilePath, tilesForSize } from './tiles.ts'

/** What an export may hold beside the log itself. */
const OTHER_FILES = ['checkpoint', 'trust.policy', 'state.jsonl'] as const

/**
 * Whether each file of an export is accounted for by the checkpoint or by a leaf. What nobody has signed has no place in
 * evidence: another reader might take it for a part of the log.
 */
export class FilesCheck {
  readonly #check: CheckResult
  readonly #expected = new Set<string>(OTHER_FILES)

  constructor(check: CheckResult) {
    this.#check = check
  }

  /** Says that a leaf names this file. */
  expect(path: string): void {
    this.#expected.add(path)
  }

  /** Compares with what is there, for a checkpoint of `size` leaves of which `complete` says whether all were read. */
  async run(
    { listFiles }: { listFiles: () => Promise<readonly string[]> },
    size: number,
    complete: boolean,
  ): Promise<void> {
    if (!complete) return this.#check.abandon('not all events could be read, so files may be theirs')
    for (const tile of tilesForSize(size)) {
      this.expect(tilePath(tile))
      if (tile.level === 0) this.expect(entriesPath(tile.index, tile.width))
    }
    const files = await listFiles()
    for (const path of files.toSorted()) {
      if (!this.#expected.has(path))
        this.#check.problem(null, `${JSON.stringify(path)} is not a part of this log`)
    }
    this.#check.finish(`${files.length} files, each accounted for`)
  }
}
