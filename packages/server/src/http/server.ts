import fastify, { type FastifyInstance } from 'fastify'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer, Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { DomainError } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { ChangesOnce } from './idempotency.ts'
import { HTTP_LIMITS, type HttpLimits, limitConnections } from './connections.ts'
import { renderOpenApi } from './openapi.ts'
import { renderDocs } from './pages/docs.ts'
import { renderErrorIndex, renderErrorPage } from './pages/errors.ts'
import { PAGE_HEADERS } from './pages/html.ts'
import { portError } from './port.ts'
import type { Services } from './operation.ts'
import { LEAN_OPERATIONS, OPERATIONS, SELF_OPERATIONS } from './operations.ts'
import { addRoute, addSelfRoute } from './pipeline.ts'
import { PROBLEM_TYPE, problemHeaders, problemOf } from './problem.ts'
import { parseStrictJson } from './strict-json.ts'
import type { TlsIdentity } from '../tls.ts'

/** 64 KiB: a key with 64 permissions of 128 characters has 9. */
const BODY_BYTES_MAX = 65_536
const HEADER_BYTES_MAX = 16_384
const HEADERS_COUNT_MAX = 64
/** Longer than the 60 s after which proxies let an idle upstream connection go, so that they close it, not we. */
const KEEP_ALIVE_MS = 65_000

export interface HttpServer {
  /** Starts to answer; resolves with the port, which is chosen when 0 is asked for. */
  listen(host: string, port: number): Promise<number>
  /** Connections that come from now on are shown this certificate; for a server that was made with one. */
  renew(identity: TlsIdentity): void
  /** Answers what has begun, refuses what is new, and resolves when the last connection is gone, slow ones by force. */
  close(): Promise<void>
}

/** The API over HTTP/1.1, in TLS 1.3 where there is an identity. `ready` says why it should get no traffic now, or null. */
export function createHttpServer(
  services: Services,
  log: Log,
  ready: () => string | null,
  identity: TlsIdentity | null,
  limits: HttpLimits = HTTP_LIMITS,
): HttpServer {
  let closing = false
  const { metrics } = services
  const refuse = problemWriter(services, log)
  const lean = leanRoutes(services, refuse)
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    exposeHeadRoutes: false,
    genReqId: () => newId('request', services.domain.clock, services.domain.random),
    requestIdHeader: false,
    routerOptions: { maxParamLength: 128 },
    frameworkErrors: (error, _request, reply) => refuse(reply.hijack().raw, error),
    // Our own answer to a request that comes while the server stops, in place of the framework's.
    return503OnClosing: false,
    serverFactory: (handler) =>
      boundedServer(identity, limits, services, log, (request, response) => {
        if (closing) refuse(response, new DomainError('server.stopping'))
        else if (!lean(request, response)) handler(request, response)
      }),
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => parseStrictJson(body),
  )
  addErrorAnswers(app, metrics, log)
  addServiceRoutes(app, ready)
  const changes = new ChangesOnce(services.domain)
  for (const operation of OPERATIONS) addRoute(app, services, changes, operation)
  for (const operation of SELF_OPERATIONS) addSelfRoute(app, services, changes, operation)
  return {
    async listen(host, port) {
      await app.listen({ host, port }).catch((cause: unknown) => {
        throw portError(host, port, cause)
      })
      const address = app.server.address()
      return typeof address === 'object' && address !== null ? address.port : port
    },
    renew(next) {
      if (app.server instanceof TlsServer) app.server.setSecureContext({ ...next, minVersion: 'TLSv1.3' })
    },
    async close() {
      closing = true
      // Node looks for slow clients no more once it closes: without an end of our own, one could hold up the stop.
      const overdue = setTimeout(() => app.server.closeAllConnections(), limits.requestMs)
      await app.close()
      clearTimeout(overdue)
    },
  }
}

function boundedServer(
  identity: TlsIdentity | null,
  limits: HttpLimits,
  { metrics, trustedProxies }: Services,
  log: Log,
  listener: RequestListener,
): Server {
  const options = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 1_000,
    // Two `authorization` fields must not be read as the first one: joined they are no credential (T-12).
    joinDuplicateHeaders: true,
  }
  const server =
    identity === null
      ? createServer(options, listener)
      : createTlsServer(
          { ...options, ...identity, minVersion: 'TLSv1.3', handshakeTimeout: limits.headersMs },
          listener,
        )
  server.maxHeadersCount = HEADERS_COUNT_MAX
  limitConnections(server, limits, trustedProxies, (why) => metrics.turnedAway(why))
  server.on('clientError', (error: Error, socket: Socket) => {
    if (!socket.writable) return
    // Who has not come through the handshake gets no answer, least of all one in the clear.
    if (socket instanceof TLSSocket && socket.getProtocol() !== 'TLSv1.3') {
      socket.destroy()
      return
    }
    // With the answer to an earlier, whole request still to come, this one would be taken for it: only closing is true.
    const { _httpMessage: pending } = socket as Socket & { _httpMessage?: ServerResponse | null }
    if (pending?.req.complete === true) {
      socket.destroy()
      return
    }
    const problem = problemOf(new DomainError(codeOfClientError(error)), '', log)
    const body = JSON.stringify(problem)
    socket.end(
      `HTTP/1.1 ${problem.status} ${problem.title}\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    )
  })
  return server
}

function codeOfClientError(error: Error) {
  const code = 'code' in error ? error.code : null
  if (code === 'HPE_HEADER_OVERFLOW') return 'request.headers'
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request.timeout' : 'request.malformed'
}

type Refuse = (response: ServerResponse, error: unknown) => void

function problemWriter(services: Services, log: Log): Refuse {
  return (response, error) => {
    // An answer is given once: a body that was refused as too large can still be cut off afterwards.
    if (response.headersSent) return
    const problem = problemOf(error, newId('request', services.domain.clock, services.domain.random), log)
    services.metrics.refused(problem.code)
    const body = JSON.stringify(problem)
    // What is left of a body that was refused halfway must not be taken for the next request.
    response.writeHead(problem.status, {
      'content-type': PROBLEM_TYPE,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      connection: 'close',
      ...problemHeaders(problem),
    })
    response.end(body)
  }
}

/** True when the request was one of the lean operations, and has been taken care of. */
function leanRoutes(
  services: Services,
  refuse: Refuse,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const routes = new Map(LEAN_OPERATIONS.map((operation) => [operation.path, operation]))
  return (request, response) => {
    const url = request.url ?? ''
    const operation = routes.get(url) ?? routes.get(url.slice(0, Math.max(0, url.indexOf('?'))))
    if (operation === undefined || operation.method !== request.method) return false
    const fail = (error: unknown): void => refuse(response, error)
    try {
      if (url !== operation.path) throw new DomainError('request.invalid', 'The operation takes no query.')
      operation.respond(services, request, response, fail)
    } catch (error) {
      fail(error)
    }
    return true
  }
}

function addErrorAnswers(app: FastifyInstance, metrics: Metrics, log: Log): void {
  app.addHook('onResponse', async ({ routeOptions }, { statusCode, elapsedTime }) => {
    const { operation } = routeOptions.config as { operation?: string }
    if (operation !== undefined) metrics.answered(operation, statusCode, elapsedTime / 1_000)
  })
  app.addHook('onSend', async (request, reply) => {
    void reply.header('cache-control', 'no-store').header('x-request-id', request.id)
  })
  app.setErrorHandler(async (error, request, reply) => {
    const problem = problemOf(error, request.id, log)
    metrics.refused(problem.code)
    void reply.code(problem.status).headers(problemHeaders(problem)).type(PROBLEM_TYPE)
    return reply.send(JSON.stringify(problem))
  })
  app.setNotFoundHandler(async (request, reply) => {
    const allowed = methodsOf(request.url)
    const problem = problemOf(
      new DomainError(allowed.length === 0 ? 'request.not_found' : 'request.method_not_allowed'),
      request.id,
      log,
    )
    metrics.refused(problem.code)
    if (allowed.length > 0) void reply.header('allow', allowed.join(', '))
    return reply.code(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem))
  })
}

function methodsOf(url: string): string[] {
  const path = url.split('?')[0] ?? ''
  const methods = [...OPERATIONS, ...SELF_OPERATIONS, ...LEAN_OPERATIONS].filter((operation) => {
    const pattern = operation.path
      .replace(/[.:]/g, '\\$&')
      .replace(/\{\w+\+\}/g, '.+')
      .replace(/\{\w+\}/g, '[^/]+')
    return new RegExp(`^${pattern}$`).test(path)
  })
  return methods.map((operation) => operation.method)
}

/** For people with a browser; nothing in them is about this installation, and nobody needs a credential. */
function addPages(app: FastifyInstance): void {
  // Made when it is first read, and once: a start does not wait for it, and nobody can have it made again and again.
  let docs: string | null = null
  const index = renderErrorIndex()
  app.get('/docs', async (_request, reply) => {
    docs ??= renderDocs([...OPERATIONS, ...SELF_OPERATIONS, ...LEAN_OPERATIONS])
    return reply.headers(PAGE_HEADERS).send(docs)
  })
  app.get('/errors', async (_request, reply) => reply.headers(PAGE_HEADERS).send(index))
  app.get<{ Params: { code: string } }>('/errors/:code', async ({ params }, reply) => {
    const text = renderErrorPage(params.code)
    if (text === null) throw new DomainError('request.not_found')
    return reply.headers(PAGE_HEADERS).send(text)
  })
}

function addServiceRoutes(app: FastifyInstance, ready: () => string | null): void {
  app.get('/livez', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    const reason = ready()
    return reply
      .code(reason === null ? 200 : 503)
      .send(reason === null ? { status: 'ok' } : { status: 'not ready', reason })
  })
  const document = renderOpenApi()
  app.get('/openapi.json', async (_request, reply) => reply.type('application/json').send(document))
  addPages(app)
}
