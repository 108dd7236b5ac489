/** OpenAPI 3.1 from the declarations of the operations; docs/reference/openapi.json is its committed copy. */
import { ERROR_CODES, type ErrorCodeName } from '@keystead/protocol/error-codes'
import type { TSchema } from 'typebox'
import type { Described } from './operation.ts'
import { LEAN_OPERATIONS, OPERATIONS, SELF_OPERATIONS } from './operations.ts'
import { PROBLEM_TYPE } from './problem.ts'

/** The document as JSON text, the same bytes for the same program. */
export function renderOpenApi(): string {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of [...OPERATIONS, ...SELF_OPERATIONS, ...LEAN_OPERATIONS]) {
    const path = operation.path.replace('+}', '}')
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: operationObject(operation) }
  }
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'Keystead',
      version: '1',
      description: 'Times are epoch milliseconds. Failures are RFC 9457 problems with a stable `code`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:4440' }],
    security: [{ rootKey: [] }],
    paths,
    components: { securitySchemes: SECURITY_SCHEMES, schemas: { Problem: PROBLEM_SCHEMA } },
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

/** What every operation can answer, whatever it declares. */
export const COMMON_ERRORS: readonly ErrorCodeName[] = [
  'request.invalid',
  'access.unauthenticated',
  'access.denied',
  'server.internal',
  'server.stopping',
]
const BODY_ERRORS: readonly ErrorCodeName[] = ['request.malformed', 'request.too_large', 'request.media_type']
const CHANGE_ERRORS: readonly ErrorCodeName[] = [
  'request.precondition_failed',
  'request.in_progress',
  'request.key_reused',
  'storage.unavailable',
  'storage.integrity',
  'audit.halted',
  'server.overloaded',
]

const SECURITY_SCHEMES = {
  rootKey: {
    type: 'http',
    scheme: 'bearer',
    description: 'A root key with the permission that the operation names.',
  },
  apiKey: {
    type: 'http',
    scheme: 'bearer',
    description: 'The API key that the operation is about.',
  },
  gateway: {
    type: 'apiKey',
    in: 'header',
    name: 'x-keystead-caller',
    description: 'The gateway’s own root key.',
  },
}

const PROBLEM_SCHEMA = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'instance'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: Object.keys(ERROR_CODES) },
    detail: { type: 'string' },
    instance: { type: 'string' },
    errors: {
      type: 'array',
      items: { type: 'object', properties: { path: { type: 'string' }, message: { type: 'string' } } },
    },
  },
}

function operationObject(operation: Described): object {
  return {
    operationId: operation.id,
    summary: operation.summary,
    tags: [operation.id.split('.')[0]],
    ...(operation.deprecated === undefined ? {} : { deprecated: true }),
    'x-keystead-permission': operation.permission,
    'x-keystead-installation-wide': operation.installationWide ?? false,
    'x-keystead-audit': operation.audit,
    'x-keystead-step-up': operation.demand.stepUp,
    'x-keystead-approvals': operation.demand.approvals,
    ...(operation.id === 'keys.authorize' ? { security: [{ gateway: [] }] } : {}),
    ...(operation.permission === null ? { security: [{ apiKey: [] }] } : {}),
    parameters: [
      ...parameters('path', operation.params),
      ...parameters('query', operation.query),
      ...(operation.id === 'keys.authorize' ? GATEWAY_HEADERS : []),
      ...(operation.audit === null ? [] : [IF_MATCH, IDEMPOTENCY_KEY]),
    ],
    ...(operation.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: operation.body } } } }),
    responses: responses(operation),
  }
}

const GATEWAY_HEADERS = ['authorization', 'x-api-key', 'x-keystead-permission', 'x-forwarded-for'].map(
  (name) => ({
    name,
    in: 'header',
    required: false,
    schema: { type: 'string' },
  }),
)

const IF_MATCH = {
  name: 'if-match',
  in: 'header',
  required: false,
  description:
    'The `etag` of the object as it was read: the change is made only if nobody has changed it since.',
  schema: { type: 'string', pattern: '^(\\*|"[1-9][0-9]{0,14}")$' },
}

const IDEMPOTENCY_KEY = {
  name: 'idempotency-key',
  in: 'header',
  required: false,
  description:
    'New for each change, such as a UUID. A repetition within a day makes the change once and is answered with what it ' +
    'has come to, without any secret, and with `idempotent-replayed: true`.',
  schema: { type: 'string', pattern: '^[!-~]{1,255}$' },
}

function parameters(place: 'path' | 'query', schema: TSchema | undefined): object[] {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Readonly<Record<string, TSchema>>
    required?: readonly string[]
  }
  return Object.entries(properties).map(([name, field]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: field,
  }))
}

/** Every code that an operation can answer with, each once. */
export function errorsOf(operation: Described): readonly ErrorCodeName[] {
  return [
    ...new Set<ErrorCodeName>([
      ...COMMON_ERRORS,
      ...(operation.body === undefined ? [] : BODY_ERRORS),
      ...(operation.audit === null ? [] : CHANGE_ERRORS),
      ...operation.errors,
    ]),
  ]
}

function responses(operation: Described): Record<string, object> {
  const type = operation.outputType ?? 'application/json'
  const answers: Record<string, object> = {
    [operation.status]: { description: operation.summary, content: { [type]: { schema: operation.output } } },
  }
  const codes = errorsOf(operation)
  for (const status of [...new Set(codes.map((code) => ERROR_CODES[code].status))].sort((a, b) => a - b)) {
    const named = codes.filter((code) => ERROR_CODES[code].status === status).sort()
    answers[status] = {
      description: named.map((code) => `\`${code}\``).join(', '),
      content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
    }
  }
  return answers
}
