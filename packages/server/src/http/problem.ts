/** RFC 9457 problem details: the one place where a failure becomes an answer. */
import { ERROR_CODES, type ErrorCodeName } from '@keystead/protocol/error-codes'
import { DomainError, type FieldError } from '../errors.ts'
import type { Log } from '../log.ts'

export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ErrorCodeName
  readonly detail?: string
  /** The request id, to be named when asking for help. */
  readonly instance: string
  readonly errors?: readonly FieldError[]
}

export const PROBLEM_TYPE = 'application/problem+json'

/** What an error looks like outside. An unexpected one tells nothing but the request id; its cause goes to the log. */
export function problemOf(error: unknown, requestId: string, log: Log): Problem {
  const known = error instanceof DomainError ? error : fromFramework(error)
  if (known === null || ERROR_CODES[known.code].status >= 500) report(error, requestId, log)
  return toProblem(known ?? new DomainError('server.internal'), requestId)
}

/** Headers that some statuses call for. */
export function problemHeaders(problem: Problem): Readonly<Record<string, string>> {
  if (problem.status === 401) return { 'www-authenticate': 'Bearer realm="keystead"' }
  const isPassing = problem.status === 503 || problem.code === 'request.in_progress'
  return isPassing ? { 'retry-after': '1' } : {}
}

function toProblem(error: DomainError, requestId: string): Problem {
  const { status, title } = ERROR_CODES[error.code]
  return {
    type: `/errors/${error.code}`,
    title,
    status,
    code: error.code,
    ...(error.detail === null ? {} : { detail: error.detail }),
    instance: requestId,
    ...(error.errors.length === 0 ? {} : { errors: error.errors }),
  }
}

const FRAMEWORK_CODES: Readonly<Record<string, ErrorCodeName>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request.too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'request.media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'request.malformed',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'request.malformed',
  FST_ERR_BAD_URL: 'request.not_found',
  FST_ERR_MAX_PARAM_LENGTH: 'request.not_found',
  HPE_HEADER_OVERFLOW: 'request.headers',
  ERR_HTTP_REQUEST_TIMEOUT: 'request.timeout',
  ECONNRESET: 'request.malformed',
}

function fromFramework(error: unknown): DomainError | null {
  const code = error instanceof Error && 'code' in error ? FRAMEWORK_CODES[String(error.code)] : undefined
  return code === undefined ? null : new DomainError(code)
}

function report(error: unknown, requestId: string, log: Log): void {
  const cause = error instanceof DomainError && error.cause !== undefined ? error.cause : error
  const event =
    error instanceof DomainError && error.code === 'storage.integrity'
      ? 'storage.integrity_alarm'
      : 'request.failed'
  log('error', event, {
    requestId,
    error: error instanceof Error ? error.message : 'not an Error',
    cause: cause instanceof Error ? (cause.stack ?? cause.message) : null,
  })
}
