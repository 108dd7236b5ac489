import { ERROR_CODES, type ErrorCodeName } from '@keystead/protocol/error-codes'

export interface FieldError {
  /** JSON Pointer into the request, e.g. `/body/permissions/0`. */
  readonly path: string
  readonly message: string
}

/**
 * An expected failure. `code` fixes status and public title; `detail` is public too, so it says nothing that the
 * caller may not know. What happened inside goes into `cause`, which only the log sees.
 */
export class DomainError extends Error {
  readonly code: ErrorCodeName
  readonly detail: string | null
  readonly errors: readonly FieldError[]

  constructor(
    code: ErrorCodeName,
    detail: string | null = null,
    options: { cause?: unknown; errors?: readonly FieldError[] } = {},
  ) {
    super(`${code}: ${detail ?? ERROR_CODES[code].title}`, { cause: options.cause })
    this.name = 'DomainError'
    this.code = code
    this.detail = detail
    this.errors = options.errors ?? []
  }
}

/** A start that cannot go on: `message` is one line that says what to do. main.ts prints it and exits with 1. */
export class StartError extends Error {}

/** What failed, in a line for the log: with what was behind it, which no caller may see. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}
