/**
 * What happens to every request, in this order: limits (server.ts) -> authenticate -> validate -> authorize -> the
 * operation -> its answer cut down to the declared fields.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { bearerOf } from '../access/bearer.ts'
import { authorize, requireUnbound } from '../access/authorize.ts'
import type { RequestId } from '../ids.ts'
import type { Operation, Services } from './operation.ts'
import { authenticate, requireCredential } from '../verify/authenticate.ts'
import { compileInput } from './validate.ts'

/** Registers one operation as a route. */
export function addRoute(fastify: FastifyInstance, services: Services, operation: Operation): void {
  const validate = compileInput(operation)
  const json = operation.outputType === undefined
  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    // Again, now that the body is here: the credential may have been revoked while it was on its way.
    const caller = authenticate(services.verifier, bearerOf(request.headers.authorization))
    const { query, body } = request
    const input = validate({ params: paramsOf(request, operation), query, body })
    const by = authorize(caller, operation.permission, operation.demand, {
      id: request.id as RequestId,
      operation: operation.id,
    })
    if (operation.installationWide === true) requireUnbound(by)
    const answer = await operation.handle(services, by, input)
    void reply.code(operation.status).type(operation.outputType ?? 'application/json; charset=utf-8')
    return answer instanceof Uint8Array ? Buffer.from(answer) : answer
  }
  fastify.route({
    method: operation.method,
    url: routeOf(operation.path),
    // Before the body is read: a stranger cannot make the server parse anything.
    onRequest: async (request) => {
      requireCredential(services.verifier, bearerOf(request.headers.authorization))
    },
    schema: json ? { response: { [operation.status]: operation.output } } : {},
    handler,
  })
}

/** A colon of the path itself is doubled; `{name}` is one segment; `{name+}`, always last, is the rest of the path. */
function routeOf(path: string): string {
  return path
    .replaceAll(':', '::')
    .replace(/\{\w+\+\}$/, '*')
    .replace(/\{(\w+)\}/g, ':$1')
}

function paramsOf(request: FastifyRequest, operation: Operation): unknown {
  const rest = /\{(\w+)\+\}$/.exec(operation.path)?.[1]
  const params = request.params as Readonly<Record<string, string>>
  if (operation.params === undefined) return undefined
  return rest === undefined ? { ...params } : { [rest]: params['*'] }
}
