/** One thing that is wrong: at which leaf (0-based, null where no single leaf is meant), and what, in one line. */
export type AuditProblem = { readonly position: number | null; readonly message: string }

/** The result of one step of the verification; `problemCount` counts also those beyond PROBLEMS_MAX. */
export type AuditCheck = {
  readonly name: AuditCheckName
  readonly ok: boolean
  readonly detail: string
  readonly problems: readonly AuditProblem[]
  readonly problemCount: number
}

/** What the verifier found. `origin`, `size` and `root` (base64) are what the checkpoint claims; null if unreadable. */
export type AuditReport = {
  readonly ok: boolean
  readonly origin: string | null
  readonly size: number | null
  readonly root: string | null
  readonly checks: readonly AuditCheck[]
}

/** The steps, in the order of the report. */
export const AUDIT_CHECKS = [
  'checkpoint',
  'root',
  'tiles',
  'events',
  'unique',
  'history',
  'batches',
  'uses',
  'state',
  'files',
  'since',
] as const
export type AuditCheckName = (typeof AUDIT_CHECKS)[number]

// Enough to see what happened; a log whose every leaf is wrong must not make a report as long as itself.
const PROBLEMS_MAX = 100

/** Collects the result of one step. A step that never came to its end (`pass`) is not ok, whatever it found. */
export class CheckResult {
  readonly name: AuditCheckName
  readonly #problems: AuditProblem[] = []
  #count = 0
  #finished: string | null = null
  #abandoned: string | null = null

  constructor(name: AuditCheckName) {
    this.name = name
  }

  /** Whether anything wrong was reported. */
  get hasProblems(): boolean {
    return this.#count > 0
  }

  /** Notes something wrong at a leaf, or nowhere in particular (null). */
  problem(position: number | null, message: string): void {
    this.#count += 1
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ position, message })
  }

  /** Says that the step came to its end, and what it has covered. */
  finish(detail: string): void {
    this.#finished = detail
  }

  /** Says why the step could not come to its end. */
  abandon(detail: string): void {
    this.#abandoned = detail
  }

  /** The result as it stands. */
  toCheck(): AuditCheck {
    return {
      name: this.name,
      ok: this.#finished !== null && this.#count === 0,
      detail:
        this.#abandoned ?? (this.#count > 0 ? `problems: ${this.#count}` : (this.#finished ?? 'not checked')),
      problems: [...this.#problems],
      problemCount: this.#count,
    }
  }
}

/** The report as lines for a terminal; holds no control characters from the log. */
export function renderReport(report: AuditReport): string {
  const lines = [`log    ${report.origin ?? 'unknown'}`]
  if (report.size !== null) lines.push(`size   ${report.size} events`)
  if (report.root !== null) lines.push(`root   ${report.root}`)
  for (const check of report.checks) {
    lines.push(`${check.ok ? 'ok    ' : 'FAILED'} ${check.name.padEnd(10)} ${check.detail}`)
    for (const { message } of check.problems) lines.push(`         ${message}`)
    const more = check.problemCount - check.problems.length
    if (more > 0) lines.push(`         and ${more} more`)
  }
  lines.push(report.ok ? 'VERIFIED' : 'REFUTED')
  return `${lines.join('\n')}\n`
}
