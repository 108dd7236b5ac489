import type { TSchema } from 'typebox'
import type { Described } from '../operation.ts'
import { COMMON_ERRORS, errorsOf } from '../openapi.ts'
import { code, escaped, page, prose, table } from './html.ts'

/** The API to read in a browser: every operation with its fields, its permission and its errors. */
export function renderDocs(operations: readonly Described[]): string {
  const byNoun = Map.groupBy(operations, ({ id }) => id.split('.')[0] ?? id)
  const nouns = [...byNoun].map(
    ([noun, some]) => `<h2>${escaped(noun)}</h2>\n${some.map(section).join('\n')}`,
  )
  const links = operations.map(
    ({ id, summary }) =>
      `<li><a href="#${id}">${escaped(id)}</a> <span class="soft">${escaped(summary)}</span></li>`,
  )
  return page(
    'Keystead API',
    [
      '<h1>Keystead API</h1>',
      '<p>Send <code>authorization: Bearer</code> with a root key, and bodies as JSON. Times are milliseconds since 1970. ' +
        'The same for programs: <a href="/openapi.json">openapi.json</a>. What can go wrong: <a href="/errors">errors</a>; ' +
        `any operation can answer ${COMMON_ERRORS.map(errorLink).join(', ')}.</p>`,
      `<nav><ul>${links.join('\n')}</ul></nav>`,
      ...nouns,
    ].join('\n'),
  )
}

function section(operation: Described): string {
  const { id, method, path, summary, permission, audit, params, query, body, output } = operation
  const { outputType, deprecated } = operation
  const needs =
    permission === null
      ? 'the API key that it is about as the credential'
      : `the permission ${code(permission)}`
  const errors = errorsOf(operation).filter((name) => !COMMON_ERRORS.includes(name))
  return [
    `<h3 id="${id}">${escaped(id)}</h3>`,
    deprecated === undefined
      ? ''
      : `<p><strong>Deprecated</strong>: use <a href="#${deprecated.instead}">${escaped(deprecated.instead)}</a>.</p>`,
    `<p>${code(`${method} ${path}`)}<br>${prose(summary)}. <span class="soft">Needs ${needs}` +
      `${operation.installationWide === true ? ', bound to no project' : ''}` +
      `${audit === null ? '' : `; in the log as ${code(audit)}`}.</span></p>`,
    fieldTable('in the path', params),
    fieldTable('in the query', query),
    fieldTable('in the body', body),
    outputType === undefined
      ? fieldTable(`answer ${operation.status}`, output)
      : `<p>Answers ${operation.status} with ${code(outputType)}.</p>`,
    errors.length === 0 ? '' : `<p class="soft">Errors: ${errors.map(errorLink).join(', ')}</p>`,
  ].join('\n')
}

function errorLink(name: string): string {
  return `<a href="/errors/${name}">${code(name)}</a>`
}

function fieldTable(title: string, schema: TSchema | undefined): string {
  const rows = schema === undefined ? [] : fieldsOf(schema, '')
  return table([title, 'type', ''], rows)
}

/** The parts of JSON Schema that our schemas are made of. */
interface Shape {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Shape[]
  readonly items?: Shape
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly maxItems?: number
}

/** One row for each field, those of objects within it after it. */
function fieldsOf(shape: Shape, prefix: string): string[][] {
  return Object.entries(shape.properties ?? {}).flatMap(([name, field]) => {
    const isRequired = shape.required?.includes(name) === true
    const inner = innermost(field)
    const own = `${prefix}${name}`
    return [
      [
        code(own),
        typeOf(field) + (isRequired ? '' : ' <span class="soft">optional</span>'),
        notesOf(inner, field),
      ],
      ...fieldsOf(inner, `${own}${isList(field) ? '[]' : ''}.`),
    ]
  })
}

/** What a field is when it is not null, or what its elements are. */
function innermost(field: Shape): Shape {
  const present = withoutNull(field)
  return present.items === undefined ? present : innermost(present.items)
}

function isList(field: Shape): boolean {
  return withoutNull(field).items !== undefined
}

function withoutNull(field: Shape): Shape {
  const others = field.anyOf?.filter(({ type }) => type !== 'null') ?? []
  return others.length === 1 && others[0] !== undefined ? others[0] : field
}

function typeOf(field: Shape): string {
  if (field.enum !== undefined) return field.enum.map((value) => code(String(value))).join(', ')
  if (field.const !== undefined) return code(JSON.stringify(field.const))
  if (field.anyOf !== undefined) return field.anyOf.map(typeOf).join(' or ')
  if (field.items !== undefined) return `list of ${typeOf(field.items)}`
  return escaped(field.type ?? 'any')
}

function notesOf(inner: Shape, field: Shape): string {
  const { description } = { ...inner, ...field }
  const { minimum, maximum, maxLength } = inner
  const { maxItems } = withoutNull(field)
  const notes = [
    description,
    minimum === undefined ? undefined : `from ${minimum}`,
    maximum === undefined ? undefined : `to ${maximum}`,
    maxLength === undefined ? undefined : `at most ${maxLength} characters`,
    maxItems === undefined ? undefined : `at most ${maxItems}`,
    field.default === undefined ? undefined : `default ${JSON.stringify(field.default)}`,
  ]
  return prose(notes.filter((note) => note !== undefined).join(', '))
}
