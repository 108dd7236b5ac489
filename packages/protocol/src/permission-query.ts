import { allows, type Grants, isWantedPermission } from './permission.ts'

/**
 * What a verification may ask for: one permission, or several joined by words:
 * `market:read AND (orders.spot:trade OR orders.futures:trade) AND NOT funds:withdraw`.
 * NOT binds closer than AND, AND closer than OR; the words are written in capitals, and parentheses group.
 */
export type PermissionQuery =
  | string
  | { readonly and: readonly PermissionQuery[] }
  | { readonly or: readonly PermissionQuery[] }
  | { readonly not: PermissionQuery }

/** Room for a few permissions of ordinary length; a longer question is a role that has no name yet. */
export const PERMISSION_QUERY_LENGTH_MAX = 512
/** Each is looked up in the key's grants: bounds the work of one decision. */
export const QUERY_PERMISSIONS_MAX = 32
/** Parentheses and NOTs within each other: bounds the recursion. */
export const QUERY_DEPTH_MAX = 8

export type ParsedQuery =
  | { readonly query: PermissionQuery; readonly problem: null }
  | { readonly query: null; readonly problem: string }

/** Reads a query in time linear to its length. Never throws: `problem` says in one sentence what is wrong, and where. */
export function parsePermissionQuery(text: string): ParsedQuery {
  if (isWantedPermission(text)) return { query: text, problem: null }
  if (text.length > PERMISSION_QUERY_LENGTH_MAX)
    return { query: null, problem: `is longer than ${PERMISSION_QUERY_LENGTH_MAX} characters` }
  try {
    return { query: new Parser(text).parse(), problem: null }
  } catch (error) {
    if (error instanceof QueryError) return { query: null, problem: error.message }
    throw error
  }
}

/** Whether a key with these grants satisfies the query: NOT x means that it is not allowed x. */
export function satisfies(grants: Grants, query: PermissionQuery): boolean {
  if (typeof query === 'string') return allows(grants, query)
  if ('not' in query) return !satisfies(grants, query.not)
  if ('and' in query) return query.and.every((part) => satisfies(grants, part))
  return query.or.some((part) => satisfies(grants, part))
}

class QueryError extends Error {}

interface Token {
  readonly text: string
  /** 1-based, for people. */
  readonly at: number
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #end: number
  #next = 0
  #permissions = 0

  constructor(text: string) {
    this.#tokens = [...text.matchAll(/[()]|[^\s()]+/g)].map((match) => ({
      text: match[0],
      at: match.index + 1,
    }))
    this.#end = text.length + 1
  }

  parse(): PermissionQuery {
    const query = this.#any(0)
    const rest = this.#tokens[this.#next]
    if (rest !== undefined) throw new QueryError(`expects AND, OR or its end at character ${rest.at}`)
    return query
  }

  #any(depth: number): PermissionQuery {
    const parts = [this.#all(depth)]
    while (this.#take('OR')) parts.push(this.#all(depth))
    return parts.length === 1 ? (parts[0] ?? '') : { or: parts }
  }

  #all(depth: number): PermissionQuery {
    const parts = [this.#one(depth)]
    while (this.#take('AND')) parts.push(this.#one(depth))
    return parts.length === 1 ? (parts[0] ?? '') : { and: parts }
  }

  #one(depth: number): PermissionQuery {
    const token = this.#tokens[this.#next]
    const at = token?.at ?? this.#end
    if (depth > QUERY_DEPTH_MAX)
      throw new QueryError(`is nested deeper than ${QUERY_DEPTH_MAX} at character ${at}`)
    if (this.#take('NOT')) return { not: this.#one(depth + 1) }
    if (this.#take('(')) {
      const query = this.#any(depth + 1)
      if (!this.#take(')')) throw new QueryError(`lacks a ) for the ( at character ${at}`)
      return query
    }
    if (token === undefined || !isWantedPermission(token.text))
      throw new QueryError(`expects an exact permission such as orders:trade at character ${at}`)
    this.#next += 1
    this.#permissions += 1
    if (this.#permissions > QUERY_PERMISSIONS_MAX)
      throw new QueryError(`asks for more than ${QUERY_PERMISSIONS_MAX} permissions`)
    return token.text
  }

  #take(text: string): boolean {
    if (this.#tokens[this.#next]?.text !== text) return false
    this.#next += 1
    return true
  }
}
