// The API on an ephemeral port over a real installation, and a client that checks what every answer must be.
import assert from 'node:assert/strict'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { parseAddressRange } from '@keystead/protocol/address'
import type { Environment } from '@keystead/protocol/api-key'
import { ERROR_CODES, type ErrorCodeName } from '@keystead/protocol/error-codes'
import { LogCounts, Metrics } from '../metrics.ts'
import { StateExports } from '../audit/state-exports.ts'
import type { ProjectId } from '../ids.ts'
import { issueRootKey } from '../keys/issue.ts'
import {
  DAY,
  type Installation,
  may,
  openWorld,
  type World,
  type WorldOptions,
} from '../world.test-support.ts'
import { HTTP_LIMITS, type HttpLimits } from './connections.ts'
import type { Services } from './operation.ts'
import { createHttpServer } from './server.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** The body when it is JSON, else null. */
  readonly json: Json
}

/** JSON that tests look into without ceremony: an absent field is null. */
export type Json = { readonly [field: string]: Json } & { readonly [at: number]: Json } & (
    | string
    | number
    | boolean
    | null
  )

export interface CallOptions {
  readonly credential?: string | null
  readonly body?: unknown
  /** Sent as it is, instead of `body`. */
  readonly raw?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string | string[]>>
}

export interface Api<Running extends Installation = World> {
  readonly world: Running
  readonly port: number
  /** Calls with the bootstrap root key unless another credential is given; null sends none. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  /** Writes bytes to a new connection and resolves with all that came back when the server closed it. */
  exchange(...chunks: readonly (string | Uint8Array)[]): Promise<string>
  /** The text of a new root key. */
  rootKey(
    permissions: readonly string[],
    bounds?: { projectId?: ProjectId | null; environment?: Environment | null; expiresAt?: number },
  ): Promise<string>
}

/** The test's own connections come from 127.0.0.1. */
const TRUSTED = ['127.0.0.1', '192.0.2.0/24'].flatMap((text) => parseAddressRange(text).range ?? [])

/** Starts it on SQLite; stops after the test. */
export async function openApi(t: TestContext, options: WorldOptions = {}): Promise<Api> {
  return openApiOver(t, await openWorld(t, options))
}

/** Starts it over an installation that runs; stops after the test. */
export async function openApiOver<Running extends Installation>(
  t: TestContext,
  world: Running,
  limits: HttpLimits = HTTP_LIMITS,
): Promise<Api<Running>> {
  const { store } = world.domain
  const services = servicesOf(t, world, TRUSTED)
  const server = createHttpServer(services, world.log, () => store.halted(), null, limits)
  const port = await server.listen('127.0.0.1', 0)
  const agent = new Agent({ keepAlive: true })
  t.after(async () => {
    agent.destroy()
    await server.close()
  })
  return {
    world,
    port,
    call: async (method, path, options = {}) => {
      const credential = options.credential === undefined ? world.bootstrap : options.credential
      const answer = await send(agent, port, method, path, { ...options, credential })
      checkAnswer(answer, `${method} ${path}`, method === 'HEAD')
      return answer
    },
    exchange: async (...chunks) => exchange(port, chunks),
    rootKey: async (permissions, bounds = {}) => {
      const { projectId = world.projectId, environment = 'production' } = bounds
      const expiresAt = bounds.expiresAt ?? world.clock.now + DAY
      const input = { projectId, environment, permissions, expiresAt }
      return (await issueRootKey(world.domain, may('root-keys:create'), input)).secret.reveal()
    },
  }
}

/** What a server over an installation is given; what it holds open ends after the test. */
export function servicesOf(
  t: TestContext,
  { domain, verifier, publisher }: Installation,
  trustedProxies: Services['trustedProxies'] = [],
): Services {
  const stateExports = new StateExports({ ...domain, publisher })
  t.after(async () => stateExports.close())
  const metrics = new Metrics({ store: domain.store, verifier, publisher, logCounts: new LogCounts() })
  return { domain, verifier, publisher, stateExports, metrics, trustedProxies }
}

async function send(
  agent: Agent,
  port: number,
  method: string,
  path: string,
  { credential, body, raw, headers = {} }: CallOptions,
): Promise<Answer> {
  const content = raw ?? (body === undefined ? undefined : JSON.stringify(body))
  const bytes = content === undefined ? undefined : Buffer.from(content)
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        ...{ agent, port, method, path, host: '127.0.0.1' },
        headers: {
          ...(typeof credential === 'string' ? { authorization: `Bearer ${credential}` } : {}),
          ...(bytes === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': String(bytes.length) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          const isJson = /json/.test(response.headers['content-type'] ?? '')
          const json = (isJson && text !== '' ? JSON.parse(text) : null) as Json
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json })
        })
      },
    )
    request.on('error', reject)
    request.end(bytes)
  })
}

/** Every answer: no digest in it; a failure is an RFC 9457 problem with a known code, of that code's status. */
function checkAnswer(answer: Answer, what: string, noBody: boolean): void {
  assert.doesNotMatch(answer.text, /digest|"mac":"(?![A-Za-z0-9_-]{43}")/, what)
  assert.equal(answer.headers['cache-control'] ?? 'no-store', 'no-store', what)
  if (answer.status < 400 || noBody || answer.headers['x-keystead-code'] !== undefined) return
  assert.match(
    String(answer.headers['content-type']),
    /^application\/problem\+json/,
    `${what}: ${answer.text}`,
  )
  const { code, status, type, title, instance } = answer.json
  const known = ERROR_CODES[code as unknown as ErrorCodeName]
  assert.ok(known, what)
  assert.deepEqual([status, title, type], [known.status, known.title, `/errors/${String(code)}`])
  assert.equal(status, answer.status)
  assert.equal(typeof instance, 'string')
}

/** For assertions on a failure: status, code. */
export function failure(answer: Answer): readonly [status: number, code: unknown] {
  return [answer.status, answer.json['code']]
}

async function exchange(port: number, chunks: readonly (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = []
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
      void writeAll()
    })
    const writeAll = async (): Promise<void> => {
      for (const chunk of chunks) {
        await new Promise<void>((written) => {
          socket.write(chunk, () => written())
        })
        await new Promise((turn) => setImmediate(turn))
      }
    }
    socket.on('data', (chunk: Buffer) => received.push(chunk))
    // What came before a reset is the answer; a reset without one shows as an empty text.
    socket.on('error', (error) => {
      if (received.length === 0 && !('code' in error && error.code === 'ECONNRESET')) reject(error)
    })
    socket.on('close', () => resolve(Buffer.concat(received).toString('utf8')))
  })
}
