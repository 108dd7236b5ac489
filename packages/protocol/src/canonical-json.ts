// RFC 8785 (JSON Canonicalization Scheme)

/** What JSON can say, and nothing else: no undefined, Map, Date, bigint or class instance. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue }

/** Deeper nesting is refused: real documents stay below 10, and recursion must end before the stack does. */
export const JSON_DEPTH_MAX = 64

const PLAIN_TEXT = /^[ !#-[\]-~]*$/

/**
 * The one canonical text of `value`: members sorted by UTF-16 code units, no spaces, ES6 numbers.
 * Throws TypeError for whatever JSON cannot say exactly: lone surrogates, NaN and infinities, undefined, bigint,
 * functions, symbols, holes, objects with another prototype (Map, Date, Buffer), nesting deeper than JSON_DEPTH_MAX.
 */
export function canonicalJson(value: JsonValue): string {
  return serialize(value, 0)
}

/**
 * Parses `text` and returns its value only if it is byte for byte the canonical form of that value; so duplicate
 * members, other member orders, other number forms and spaces are all refused. Throws TypeError with a plain reason.
 */
export function parseCanonicalJson(text: string): JsonValue {
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch (error) {
    throw new TypeError('not JSON', { cause: error })
  }
  if (canonicalJson(value) !== text) throw new TypeError('not in canonical form (RFC 8785)')
  return value
}

function serialize(value: unknown, depth: number): string {
  if (value === null) return 'null'
  switch (typeof value) {
    case 'boolean':
      return value ? 'true' : 'false'
    case 'number':
      return serializeNumber(value)
    case 'string':
      return serializeString(value)
    case 'object':
      if (depth >= JSON_DEPTH_MAX) throw new TypeError(`nested deeper than ${JSON_DEPTH_MAX}`)
      return Array.isArray(value) ? serializeArray(value, depth + 1) : serializeObject(value, depth + 1)
    default:
      throw new TypeError(`JSON has no ${typeof value}`)
  }
}

function serializeNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`JSON has no ${value}`)
  // RFC 8785 section 3.2.2.3 is ECMAScript's own Number::toString; it also writes -0 as 0.
  return String(value)
}

function serializeString(value: string): string {
  // Most text needs no escape, and asking is cheaper than JSON.stringify.
  if (PLAIN_TEXT.test(value)) return `"${value}"`
  if (!value.isWellFormed()) throw new TypeError('text has a lone surrogate')
  // RFC 8785 section 3.2.2.2 is JSON.stringify for well-formed text.
  return JSON.stringify(value)
}

function serializeArray(values: readonly unknown[], depth: number): string {
  // By index, not by map: a hole must be seen as undefined and refused.
  const parts: string[] = []
  for (let at = 0; at < values.length; at++) parts.push(serialize(values[at], depth))
  return `[${parts.join(',')}]`
}

function serializeObject(value: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('not a plain object')
  if (Object.getOwnPropertySymbols(value).length > 0) throw new TypeError('JSON has no symbol')
  // The default order of sort() is by UTF-16 code units, as RFC 8785 section 3.2.3 asks.
  const record = value as { readonly [name: string]: unknown }
  const members = Object.keys(record)
    .sort()
    .map((name) => `${serializeString(name)}:${serialize(record[name], depth)}`)
  return `{${members.join(',')}}`
}
