/** Exit codes of the binary; documented in `keystead help` and README.md, never renumbered. */
export const EXIT = { ok: 0, refused: 1, usage: 2, unreachable: 3, credential: 4 } as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** A failure with a sentence for the person at the terminal. The message never contains a secret. */
export class CliFailure extends Error {
  readonly exitCode: ExitCode

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CliFailure'
    this.exitCode = exitCode
  }
}

/** The arguments are wrong; nothing was sent to the server. */
export function usageFailure(message: string): CliFailure {
  return new CliFailure(EXIT.usage, message)
}

/** The server said no, or a verification was refuted. */
export function refusal(message: string): CliFailure {
  return new CliFailure(EXIT.refused, message)
}

/** The system error code (ENOENT, EEXIST, ECONNREFUSED ...) of an error or of its causes, else null. */
export function systemCode(error: unknown): string | null {
  let current: unknown = error
  // Node wraps at most twice (TypeError -> AggregateError -> Error); 4 is a bound, not a guess at more.
  for (let depth = 0; depth < 4 && current instanceof Error; depth++) {
    if ('code' in current && typeof current.code === 'string') return current.code
    current = current.cause
  }
  return null
}
