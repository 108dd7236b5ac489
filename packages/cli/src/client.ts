import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ErrorCodeName } from '@keystead/protocol/error-codes'
import { CliFailure, EXIT, refusal, systemCode } from './failure.ts'
import { printable } from './table.ts'

export type JsonObject = Readonly<Record<string, unknown>>
export type Query = Readonly<Record<string, string | number | undefined>>

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
}

export interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH'
  readonly path: string
  readonly query?: Query
  readonly body?: JsonObject
  readonly headers?: Readonly<Record<string, string>>
  /** The header of the caller's credential where it is not `authorization`. */
  readonly credentialIn?: 'x-keystead-caller'
  /** How long the answer may take, where that is longer than for others. */
  readonly timeoutMs?: number
}

// The server answers in milliseconds; beyond this somebody is waiting for a broken network.
const REQUEST_TIMEOUT_MS = 30_000
// The largest answer is an entry tile of 256 leaves of 32 KiB (8.4 MB).
const BODY_BYTES_MAX = 16 * 1024 * 1024

// A change whose answer was lost is asked for again: it is made once, and a second is enough to be done with it.
const ATTEMPTS_MAX = 3
const PAUSE_MS = 1_000
const IN_PROGRESS: ErrorCodeName = 'request.in_progress'

/**
 * The HTTP client of the commands. Redirects are errors, answers are bounded. Each change has an Idempotency-Key, and is
 * repeated when its answer is lost; nothing else is ever retried.
 */
export class Client {
  readonly url: URL
  readonly #fetch: typeof globalThis.fetch
  readonly #credential: string | null

  constructor(url: URL, fetch: typeof globalThis.fetch, credential: string | null) {
    this.url = url
    this.#fetch = fetch
    this.#credential = credential
  }

  /** The same server, asked with another credential. */
  as(credential: string): Client {
    return new Client(this.url, this.#fetch, credential)
  }

  get(path: string, query: Query = {}): Promise<JsonObject> {
    return this.json({ method: 'GET', path, query })
  }

  post(path: string, body: JsonObject): Promise<JsonObject> {
    return this.json({ method: 'POST', path, body })
  }

  patch(path: string, body: JsonObject): Promise<JsonObject> {
    return this.json({ method: 'PATCH', path, body })
  }

  /** The JSON object of a 2xx answer; other answers are failures with exit code 1. */
  async json(request: Request): Promise<JsonObject> {
    const reply = await this.accepted(request)
    const value = parseObject(reply.body)
    if (value === null) throw refusal(`${this.url.host} did not answer with JSON: is it a Keystead server?`)
    return value
  }

  /** The bytes of a 2xx answer; other answers are failures with exit code 1. */
  async accepted(request: Request): Promise<Reply> {
    const reply = await this.send(request)
    if (reply.status < 200 || reply.status > 299) throw refusal(describeProblem(reply))
    return reply
  }

  /** Any answer. Exit code 3 when there is none. */
  async send(request: Request): Promise<Reply> {
    if (request.method === 'GET') return this.#exchange(request)
    const headers = { 'idempotency-key': randomUUID(), ...request.headers }
    for (let attempt = 1; ; attempt++) {
      try {
        const reply = await this.#exchange({ ...request, headers })
        const isUnderWay = parseObject(reply.body)?.['code'] === IN_PROGRESS
        if (!isUnderWay || attempt === ATTEMPTS_MAX) return reply
      } catch (error) {
        if (!(error instanceof AnswerLost) || attempt === ATTEMPTS_MAX) throw error
      }
      await sleep(PAUSE_MS)
    }
  }

  async #exchange(request: Request): Promise<Reply> {
    const url = new URL(request.path, this.url)
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value))
    }
    const headers = new Headers({ 'user-agent': 'keystead-cli', ...request.headers })
    if (this.#credential !== null) {
      if (request.credentialIn === undefined) headers.set('authorization', `Bearer ${this.#credential}`)
      else headers.set(request.credentialIn, this.#credential)
    }
    if (request.body !== undefined) headers.set('content-type', 'application/json')
    try {
      const response = await this.#fetch(url, {
        method: request.method,
        headers,
        body: request.body === undefined ? null : JSON.stringify(request.body),
        // A redirect would send the credential, or the change, to another place.
        redirect: 'error',
        signal: AbortSignal.timeout(request.timeoutMs ?? REQUEST_TIMEOUT_MS),
      })
      return { status: response.status, headers: response.headers, body: await readBounded(response) }
    } catch (error) {
      if (error instanceof CliFailure) throw error
      throw unreachable(this.url, request.method, error)
    }
  }
}

/** `refused: <title>: <detail> (code)` and one line per field, from an RFC 9457 problem document. */
export function describeProblem(reply: Reply): string {
  const problem = parseObject(reply.body)
  const text = (name: string) => {
    const value = problem?.[name]
    return typeof value === 'string' && value !== '' ? printable(value.slice(0, 500)) : null
  }
  const parts = [text('title') ?? `HTTP status ${reply.status}`, text('detail')].filter(
    (part) => part !== null,
  )
  const code = text('code')
  const lines = [`refused: ${parts.join(': ')}${code === null ? '' : ` (${code})`}`]
  const errors = problem?.['errors']
  for (const error of Array.isArray(errors) ? errors.slice(0, 20) : []) {
    if (!isObject(error)) continue
    const [path, message] = [error['path'], error['message']]
    if (typeof message === 'string')
      lines.push(`  ${printable(`${typeof path === 'string' ? path : ''}: ${message}`)}`)
  }
  const instance = text('instance')
  if (reply.status >= 500 && instance !== null) lines.push(`  request ${instance}`)
  return lines.join('\n')
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseObject(body: Uint8Array): JsonObject | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

async function readBounded(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  const body: AsyncIterable<Uint8Array> | null = response.body
  for await (const chunk of body ?? []) {
    size += chunk.length
    if (size > BODY_BYTES_MAX)
      throw refusal(`the answer is larger than ${BODY_BYTES_MAX} bytes: is it a Keystead server?`)
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

function unreachable(url: URL, method: string, cause: unknown): CliFailure {
  const code = systemCode(cause)
  const timedOut = cause instanceof Error && cause.name === 'TimeoutError'
  const why =
    code === 'ECONNREFUSED'
      ? 'nothing listens there. Is the server running (npm start)?'
      : timedOut
        ? `no answer within ${REQUEST_TIMEOUT_MS / 1000} s`
        : (code ?? 'the connection failed')
  const isInDoubt = method !== 'GET' && code !== 'ECONNREFUSED' && code !== 'ENOTFOUND'
  const doubt = isInDoubt ? '\nIt is not known whether the change was made: look before you repeat it' : ''
  const Failure = isInDoubt ? AnswerLost : CliFailure
  return new Failure(EXIT.unreachable, `cannot reach ${url.origin}: ${why}${doubt}`, { cause })
}

/** The request may have arrived. */
class AnswerLost extends CliFailure {}
