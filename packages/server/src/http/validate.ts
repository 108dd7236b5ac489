import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { DomainError, type FieldError } from '../errors.ts'
import type { Described, Input } from './operation.ts'

/** One message per field is enough; a request with thousands of wrong ones must not make a huge answer. */
const FIELD_ERRORS_MAX = 20

/** Compiles an operation's schemas once; the result checks a request's parts, or throws `request.invalid` naming each wrong field. */
export function compileInput(described: Described): (input: Input) => Input {
  const params = part('params', described.params, true)
  const query = part('query', described.query, true)
  const body = part('body', described.body, false)
  return (input) => ({ params: params(input.params), query: query(input.query), body: body(input.body) })
}

function part(name: string, schema: TSchema | undefined, fromText: boolean): (value: unknown) => unknown {
  if (schema === undefined) return (value) => requireAbsent(name, value)
  // Compiled with the first request: thirty operations at once would hold up the start.
  let compiled: Validator | null = null
  const integers = fromText ? integerFields(schema) : []
  return (value) => {
    const given = readIntegers(value === undefined ? {} : value, integers)
    const validator = (compiled ??= Compile(schema))
    if (!validator.Check(given))
      throw new DomainError('request.invalid', null, { errors: fieldErrors(name, schema, validator, given) })
    return given
  }
}

function requireAbsent(name: string, value: unknown): unknown {
  const fields = typeof value === 'object' && value !== null ? Object.keys(value) : []
  if (fields.length === 0 && (value === undefined || typeof value === 'object')) return value
  const errors = fields
    .slice(0, FIELD_ERRORS_MAX)
    .map((field) => ({ path: `/${name}/${field}`, message: 'is not known' }))
  throw new DomainError('request.invalid', `The operation takes no ${name}.`, { errors })
}

/** Paths and queries are text: a field that the schema calls an integer is read as one when it is written as one. */
function readIntegers(value: unknown, fields: readonly string[]): unknown {
  if (fields.length === 0 || typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([field, given]: [string, unknown]) => {
      const isInteger =
        fields.includes(field) && typeof given === 'string' && /^(0|[1-9]\d{0,15})$/.test(given)
      return [field, isInteger ? Number(given) : given]
    }),
  )
}

function integerFields(schema: TSchema): string[] {
  const { properties } = schema as { properties?: Readonly<Record<string, { type?: string }>> }
  return Object.entries(properties ?? {}).flatMap(([name, field]) => (field.type === 'integer' ? [name] : []))
}

function fieldErrors(name: string, schema: TSchema, validator: Validator, value: unknown): FieldError[] {
  const errors = new Map<string, string>()
  for (const error of validator.Errors(value)) {
    const params = error.params as { requiredProperties?: readonly string[] }
    if (error.keyword === 'additionalProperties') continue
    for (const missing of params.requiredProperties ?? []) {
      errors.set(`/${name}${error.instancePath}/${missing}`, 'is required')
    }
    if (error.keyword === 'required') continue
    const path = `/${name}${error.instancePath}`
    if (!errors.has(path)) errors.set(path, messageOf(error, schema))
  }
  return [...errors]
    .slice(0, FIELD_ERRORS_MAX)
    .map(([path, message]) => ({ path: path.slice(0, 200), message }))
}

/** For a pattern what the schema says in words, since nobody should have to read a regular expression. */
function messageOf(error: { keyword: string; schemaPath: string; message: string }, schema: TSchema): string {
  if (error.message === 'schema is false') return 'is not known'
  if (error.keyword !== 'pattern') return error.message
  const steps = error.schemaPath.split('/').slice(1)
  const at = steps.reduce<unknown>(
    (part, step) => (part as Readonly<Record<string, unknown>> | undefined)?.[step],
    schema,
  )
  const { description } = (at ?? {}) as { description?: string }
  return description === undefined ? error.message : `must be ${description}`
}
