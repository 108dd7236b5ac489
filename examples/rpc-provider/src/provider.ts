import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Chain } from './chain.ts'
import { BodyTooLargeError, readBody } from './http.ts'
import { parseJson } from './json.ts'
import {
  errorAnswer,
  neededPermissions,
  readRequest,
  refuseAll,
  RPC_ERRORS,
  type RpcAnswer,
  type RpcCall,
  type RpcError,
} from './json-rpc.ts'
import type { Decision, Keystead } from './keystead.ts'
import { answerMarket, MARKET_PREFIX } from './market-endpoints.ts'
import type { Market } from './market.ts'
import type { Permission } from './methods.ts'

type ProviderParts = {
  readonly keystead: Keystead
  /** Undefined where there is no node for this platform: every chain call that is allowed is answered with 503. */
  readonly chain: Chain | undefined
  readonly market: Market
  /** Told when Keystead could not be asked. Never sees a key. */
  readonly warn: (line: string) => void
}

/** A status and a JSON body. */
type Reply = { readonly status: number; readonly body: unknown }

/** A batch of 100 transactions with calldata fits into a megabyte. */
const BODY_BYTES_MAX = 1024 * 1024
/** Longer than any key, and cut off before anything looks at it. */
const KEY_CHARS_MAX = 256
/** Clients that take longer than this to send a request are cut off. */
const REQUEST_TIMEOUT_MS = 10_000
const CONNECTIONS_MAX = 1_024

/**
 * The provider's HTTP server, not yet listening: `POST /` takes JSON-RPC, `GET /v1/market/...` market data. Every call
 * is verified with Keystead first, and nothing is served when Keystead cannot be asked (503).
 */
export function createProvider(parts: ProviderParts): Server {
  const server = createServer((request, response) => {
    answer(parts, request).then(
      (reply) => write(request, response, reply),
      (error: unknown) => {
        parts.warn(`request failed: ${error instanceof Error ? error.message : String(error)}`)
        response.destroy()
      },
    )
  })
  server.requestTimeout = REQUEST_TIMEOUT_MS
  server.maxConnections = CONNECTIONS_MAX
  return server
}

async function answer(parts: ProviderParts, request: IncomingMessage): Promise<Reply> {
  const key = readKey(request)
  const url = URL.parse(request.url ?? '/', 'http://provider.invalid')
  if (url === null) return { status: 400, body: { error: 'the request target is no URL' } }
  if (url.pathname.startsWith(MARKET_PREFIX)) {
    if (request.method !== 'GET') return { status: 405, body: { error: 'only GET' } }
    const refused = key === undefined ? keyMissing() : await refusalOf(parts, key, ['market:read'])
    if (refused === undefined) return answerMarket(parts.market, url)
    return { status: refused.status, body: { error: refused.error.message, ...refused.data } }
  }
  if (url.pathname !== '/') return { status: 404, body: { error: 'not found' } }
  if (request.method !== 'POST') return { status: 405, body: { error: 'JSON-RPC is sent with POST' } }
  if (key !== undefined) return await answerRpc(parts, request, key)
  // Without a key the body is not even read, so the answer cannot carry its ids.
  const { status, error } = keyMissing()
  return { status, body: errorAnswer(null, error) }
}

async function answerRpc(parts: ProviderParts, message: IncomingMessage, key: string): Promise<Reply> {
  const bytes = await readBodyOrNone(message)
  if (bytes === undefined) return rpcProblem(413, RPC_ERRORS.invalidRequest, 'the body is longer than 1 MiB')
  const body = parseJson(bytes)
  if (body === undefined) return rpcProblem(400, RPC_ERRORS.parse, 'the body is not JSON')
  const request = readRequest(body)
  if ('code' in request) return rpcProblem(400, request.code, request.message)
  const refused = await refusalOf(parts, key, neededPermissions(request))
  if (refused !== undefined) return { status: refused.status, body: refuseAll(request, refused.error) }

  const calls = request.calls.filter((call): call is RpcCall => 'method' in call)
  if (calls.length > 0 && parts.chain === undefined) {
    const error = { code: RPC_ERRORS.unavailable, message: 'this provider runs without a chain' }
    return { status: 503, body: refuseAll(request, error) }
  }
  const forwarded = calls.length === 0 ? [] : ((await parts.chain?.forward(calls)) ?? [])
  const answers = inOrder(request.calls, forwarded)
  return { status: 200, body: request.batch ? answers : answers[0] }
}

/** Merges the forwarded answers, which are in the order of their calls, with the errors of the other calls. */
function inOrder(
  calls: readonly (RpcCall | { id: RpcAnswer['id']; error: RpcError })[],
  forwarded: readonly RpcAnswer[],
) {
  const rest = forwarded.values()
  return calls.map((call) => {
    if ('error' in call) return errorAnswer(call.id, call.error)
    const next = rest.next().value
    return (
      next ?? errorAnswer(call.id, { code: RPC_ERRORS.unavailable, message: 'the chain does not answer' })
    )
  })
}

type Refusal = { readonly status: number; readonly error: RpcError; readonly data: { readonly code: string } }

/**
 * Verifies the key once for each distinct permission. Returns undefined only when every answer is VALID; with no
 * permission to ask for, the key itself must still be valid.
 */
async function refusalOf(
  parts: ProviderParts,
  key: string,
  permissions: readonly Permission[],
): Promise<Refusal | undefined> {
  const wanted = permissions.length === 0 ? [undefined] : permissions
  const decisions = await Promise.all(wanted.map((permission) => parts.keystead.verify(key, permission)))
  for (const decision of decisions) {
    if (!decision.allowed) return refusalFor(parts, decision)
  }
  return undefined
}

function refusalFor(parts: ProviderParts, decision: Exclude<Decision, { allowed: true }>): Refusal {
  if (!decision.available) {
    parts.warn(`Keystead could not be asked: ${decision.problem}`)
    return refusal(503, 'keys cannot be verified now', 'KEYSTEAD_UNAVAILABLE')
  }
  // 403: the key is good but not for this. 401: the key is no credential here, whatever it asks for.
  const status = decision.code === 'INSUFFICIENT_PERMISSIONS' ? 403 : 401
  return refusal(status, 'the API key was refused', decision.code, decision.reason)
}

function keyMissing(): Refusal {
  return refusal(401, 'an API key is needed: Authorization: Bearer or x-api-key', 'KEY_MISSING')
}

function refusal(status: number, message: string, code: string, reason: string | null = null): Refusal {
  const data = reason === null ? { code } : { code, reason }
  return {
    status,
    error: { code: status === 503 ? RPC_ERRORS.unavailable : RPC_ERRORS.unauthorized, message, data },
    data,
  }
}

function rpcProblem(status: number, code: number, message: string): Reply {
  return { status, body: errorAnswer(null, { code, message }) }
}

function readKey(request: IncomingMessage): string | undefined {
  const header = request.headers['x-api-key']
  const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const key = typeof header === 'string' ? header : bearer
  return key === undefined || key === '' || key.length > KEY_CHARS_MAX ? undefined : key
}

async function readBodyOrNone(message: IncomingMessage): Promise<Buffer | undefined> {
  try {
    return await readBody(message, BODY_BYTES_MAX)
  } catch (error) {
    if (error instanceof BodyTooLargeError) return undefined
    throw error
  }
}

function write(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  const body = Buffer.from(JSON.stringify(reply.body))
  // The rest of a body that was not read would be taken for the next request.
  const close = request.complete ? {} : { connection: 'close' }
  response.writeHead(reply.status, {
    'content-type': 'application/json',
    'content-length': body.length,
    ...close,
  })
  response.end(body)
}
