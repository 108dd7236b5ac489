/**
 * What happens to every request, in this order: limits (server.ts) -> authenticate -> validate -> authorize -> the
 * operation -> its answer cut down to the declared fields.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { bearerOf } from '../access/bearer.ts'
import type { Action } from '../access/actions.ts'
import { type AskedBy, authorize, authorizeHolder, requireUnbound } from '../access/authorize.ts'
import { clientAddress } from '../access/client-address.ts'
import type { ProjectId, RequestId } from '../ids.ts'
import type { RequestMark } from '../storage/records.ts'
import { deprecationHeaders } from './deprecation.ts'
import { entityTagOf, versionIn } from './entity-tag.ts'
import type { Answered, ChangesOnce } from './idempotency.ts'
import type { Described, Holder, Input, Operation, SelfOperation, Services } from './operation.ts'
import { authenticate, requireCredential } from '../verify/authenticate.ts'
import { provePossession } from '../verify/possession.ts'
import { compileInput } from './validate.ts'

/** Registers one operation as a route. */
export function addRoute(
  fastify: FastifyInstance,
  services: Services,
  changes: ChangesOnce,
  operation: Operation,
): void {
  const validate = compileInput(operation)
  const credentialOf = (request: FastifyRequest) => bearerOf(request.headers.authorization)
  register(fastify, operation, {
    check: (request) => requireCredential(services.verifier, credentialOf(request)),
    answer: async (request) => {
      // Again, now that the body is here: the credential may have been revoked while it was on its way.
      const caller = authenticate(services.verifier, credentialOf(request))
      const input = validate(partsOf(request, operation))
      const mark = changes.markOf(request, operation, caller.keyId, input)
      const asked = provenanceOf(request, operation, mark)
      const by = authorize(caller, operation.permission, operation.demand, asked)
      if (operation.installationWide === true) requireUnbound(by)
      const { repeat } = operation
      if (mark !== null && typeof repeat === 'function')
        return changes.run(
          mark,
          async () => operation.handle(services, by, input),
          async (done) => repeat(services, by, done, input),
        )
      const answer = await operation.handle(services, by, input)
      // Nothing is shown to a credential that was revoked while its answer was made; what was changed is said.
      if (operation.audit === null) requireCredential(services.verifier, credentialOf(request))
      return { answer, isRepetition: false }
    },
  })
}

/** Registers an operation whose credential is the API key that it is about. */
export function addSelfRoute(
  fastify: FastifyInstance,
  services: Services,
  changes: ChangesOnce,
  operation: SelfOperation,
): void {
  const validate = compileInput(operation)
  const prove = (request: FastifyRequest) => {
    const { socket, headers } = request.raw
    const forwarded = headers['x-forwarded-for']
    const address = clientAddress(
      socket.remoteAddress,
      typeof forwarded === 'string' ? forwarded : undefined,
      services.trustedProxies,
    )
    return provePossession(services.verifier, bearerOf(request.headers.authorization), address)
  }
  register(fastify, operation, {
    check: prove,
    answer: async (request) => {
      const possession = prove(request)
      const input = validate(partsOf(request, operation))
      const { keyId, record } = possession
      const reach = { projectId: record.projectId as ProjectId | null, environment: record.environment }
      const mark = changes.markOf(request, operation, keyId, input)
      const may = <A extends Action>() =>
        authorizeHolder<A>({ keyId, reach }, provenanceOf(request, operation, mark))
      const holder: Holder = { ...possession, may }
      const { repeat } = operation
      if (mark !== null && typeof repeat === 'function')
        return changes.run(
          mark,
          async () => operation.handle(services, holder, input),
          async (done) => repeat(services, holder, done, input),
        )
      return { answer: await operation.handle(services, holder, input), isRepetition: false }
    },
  })
}

interface Steps {
  /** Before the body is read: a stranger cannot make the server parse anything. */
  readonly check: (request: FastifyRequest) => void
  readonly answer: (request: FastifyRequest) => Promise<Answered>
}

function register(fastify: FastifyInstance, operation: Described, steps: Steps): void {
  const json = operation.outputType === undefined
  const deprecation = deprecationHeaders(operation.deprecated)
  fastify.route({
    method: operation.method,
    url: routeOf(operation.path),
    config: { operation: operation.id },
    ...(operation.bodyBytesMax === undefined ? {} : { bodyLimit: operation.bodyBytesMax }),
    onRequest: async (request, reply) => {
      void reply.headers(deprecation)
      steps.check(request)
    },
    schema: json ? { response: { [operation.status]: operation.output } } : {},
    handler: async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
      const { answer, isRepetition } = await steps.answer(request)
      if (isRepetition) void reply.header('idempotent-replayed', 'true')
      const etag = entityTagOf(answer)
      if (etag !== null) void reply.header('etag', etag)
      void reply.code(operation.status).type(operation.outputType ?? 'application/json; charset=utf-8')
      return answer instanceof Uint8Array ? Buffer.from(answer) : answer
    },
  })
}

function provenanceOf(request: FastifyRequest, operation: Described, mark: RequestMark | null): AskedBy {
  const expectedVersion = operation.audit === null ? null : versionIn(request.headers['if-match'])
  return {
    id: request.id as RequestId,
    operation: operation.id,
    ...(expectedVersion === null ? {} : { expectedVersion }),
    ...(mark === null ? {} : { mark }),
  }
}

function partsOf(request: FastifyRequest, operation: Described): Input {
  const { query, body } = request
  return { params: paramsOf(request, operation), query, body }
}

/** A colon of the path itself is doubled; `{name}` is one segment; `{name+}`, always last, is the rest of the path. */
function routeOf(path: string): string {
  return path
    .replaceAll(':', '::')
    .replace(/\{\w+\+\}$/, '*')
    .replace(/\{(\w+)\}/g, ':$1')
}

function paramsOf(request: FastifyRequest, operation: Described): unknown {
  const rest = /\{(\w+)\+\}$/.exec(operation.path)?.[1]
  const params = request.params as Readonly<Record<string, string>>
  if (operation.params === undefined) return undefined
  return rest === undefined ? { ...params } : { [rest]: params['*'] }
}
