// RFC 6962 section 2.1: a batch is a tree of its own, whose root a leaf of the log names
import { type AuditEvent, AuditEventError, type AuditTarget, parseAuditTarget } from './audit-event.ts'
import type { FilesCheck } from './audit-files.ts'
import { leafName } from './audit-leaves.ts'
import type { CheckResult } from './audit-report.ts'
import { base64UrlEncode } from './bytes.ts'
import type { Sha256 } from './hash.ts'
import { leafHash, rootFromLeafHashes } from './merkle.ts'

/** What one leaf may change through its batch: far above the thousand keys of one import. */
export const BATCH_LINES_MAX = 65_536

const NEWLINE = 0x0a

/** Where an export keeps the batch of the leaf at `position`. */
export function batchPath(position: number): string {
  return `batch/${position}`
}

/** Whether the event says that it changed more objects than a leaf can name. */
export function hasBatch({ details }: AuditEvent): boolean {
  return Object.hasOwn(details, 'batchCount') || Object.hasOwn(details, 'batchRoot')
}

/** The root over the lines of a batch: 32 bytes, base64url. */
export function batchRoot(sha256: Sha256, lines: readonly Uint8Array[]): string {
  return base64UrlEncode(
    rootFromLeafHashes(
      sha256,
      lines.map((line) => leafHash(sha256, line)),
    ),
  )
}

/** Reads the batches that leaves name, and compares them with what the leaves say of them. */
export class BatchCheck {
  readonly #check: CheckResult
  readonly #sha256: Sha256
  readonly #readFile: (path: string) => Promise<Uint8Array | null>
  readonly #files: FilesCheck
  #batches = 0
  #lines = 0

  constructor(
    check: CheckResult,
    { readFile, sha256 }: { readFile: (path: string) => Promise<Uint8Array | null>; sha256: Sha256 },
    files: FilesCheck,
  ) {
    this.#check = check
    this.#readFile = readFile
    this.#sha256 = sha256
    this.#files = files
  }

  /** What the batch of this leaf changed, in its order; nothing when the batch is not the one that the leaf names. */
  async read(event: AuditEvent, position: number, leaf: Uint8Array): Promise<readonly AuditTarget[]> {
    this.#batches += 1
    const path = batchPath(position)
    this.#files.expect(path)
    const wrong = (what: string): [] => {
      this.#check.problem(position, `${leafName(position, leaf)}: ${what}`)
      return []
    }
    const { batchCount: count, batchRoot: root } = event.details
    if (typeof count !== 'number' || count < 1 || count > BATCH_LINES_MAX)
      return wrong('names a batch of no valid size')
    const bytes = await this.#readFile(path)
    if (bytes === null) return wrong(`${path} is missing`)
    const lines = linesOf(bytes)
    if (lines.length !== count) return wrong(`${path} has ${lines.length} lines instead of ${count}`)
    if (batchRoot(this.#sha256, lines) !== root) return wrong(`${path} has another root than the leaf names`)
    const targets: AuditTarget[] = []
    for (const [at, line] of lines.entries()) {
      try {
        targets.push(parseAuditTarget(line))
      } catch (error) {
        if (!(error instanceof AuditEventError)) throw error
        return wrong(`line ${at + 1} of ${path} ${error.message}`)
      }
    }
    this.#lines += lines.length
    return targets
  }

  /** Says that there are no more leaves. */
  finish(): void {
    this.#check.finish(
      this.#batches === 0
        ? 'no event has a batch'
        : `${this.#batches} batches with ${this.#lines} changes, as the events name them`,
    )
  }

  /** Says that the rest of the leaves could not be read. */
  abandon(): void {
    this.#check.abandon(`only ${this.#batches} batches could be checked`)
  }
}

/** Split at each newline; at most one line more than is allowed, which is enough to see that it is too many. */
function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  let from = 0
  while (lines.length < BATCH_LINES_MAX) {
    const end = bytes.indexOf(NEWLINE, from)
    if (end === -1) break
    lines.push(bytes.subarray(from, end))
    from = end + 1
  }
  return [...lines, bytes.subarray(from)]
}
