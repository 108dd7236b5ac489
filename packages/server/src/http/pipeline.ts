/**
 * What happens to every request, in this order: limits (server.ts) -> authenticate -> validate -> authorize -> the
 * operation -> its answer cut down to the declared fields.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { authenticate, bearerOf } from '../access/authenticate.ts'
import { authorize, type Caller } from '../access/authorize.ts'
import { DomainError } from '../errors.ts'
import type { RequestId } from '../ids.ts'
import type { Operation, Services } from './operation.ts'
import { compileInput } from './validate.ts'

/** Registers one operation as a route. */
export function addRoute(fastify: FastifyInstance, services: Services, operation: Operation): void {
  const validate = compileInput(operation)
  const json = operation.outputType === undefined
  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const caller = callerOf(request, services)
    const { query, body } = request
    const input = validate({ params: paramsOf(request, operation), query, body })
    const by = authorize(caller, operation.permission, operation.demand, {
      id: request.id as RequestId,
      operation: operation.id,
    })
    const answer = await operation.handle(services, by, input)
    void reply.code(operation.status).type(operation.outputType ?? 'application/json; charset=utf-8')
    return answer instanceof Uint8Array ? Buffer.from(answer) : answer
  }
  fastify.route({
    method: operation.method,
    url: routeOf(operation.path),
    // Before the body is read: a stranger cannot make the server parse anything.
    onRequest: async (request) => {
      callerOf(request, services)
    },
    schema: json ? { response: { [operation.status]: operation.output } } : {},
    handler,
  })
}

function callerOf(request: FastifyRequest, services: Services): Caller {
  const text = bearerOf(request.headers.authorization)
  const { index, clock } = services.verifier
  const caller = text === null ? null : authenticate(text, (locator) => index.lookup(locator), clock())
  if (caller === null) throw new DomainError('access.unauthenticated')
  return caller
}

/** `{name}` is one segment; `{name+}`, always last, is the rest of the path. */
function routeOf(path: string): string {
  return path.replace(/\{\w+\+\}$/, '*').replace(/\{(\w+)\}/g, ':$1')
}

function paramsOf(request: FastifyRequest, operation: Operation): unknown {
  const rest = /\{(\w+)\+\}$/.exec(operation.path)?.[1]
  const params = request.params as Readonly<Record<string, string>>
  if (operation.params === undefined) return undefined
  return rest === undefined ? { ...params } : { [rest]: params['*'] }
}
