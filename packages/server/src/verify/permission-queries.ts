import { parsePermissionQuery, type PermissionQuery } from '@keystead/protocol/permission-query'
import { DomainError } from '../errors.ts'

/** A service asks a few dozen different questions; one that makes up new ones all the time pays for reading them. */
const QUERIES_MAX = 1_000

/** Permission queries that have been read, by their text: the same few are asked with every request. */
export class PermissionQueries {
  readonly #queries = new Map<string, PermissionQuery>()

  /** The query that a text is; `request.invalid`, naming `path` and saying where it is wrong. */
  read(text: string, path: string): PermissionQuery {
    const known = this.#queries.get(text)
    if (known !== undefined) return known
    const { query, problem } = parsePermissionQuery(text)
    if (query === null)
      throw new DomainError('request.invalid', null, { errors: [{ path, message: problem }] })
    if (this.#queries.size >= QUERIES_MAX) this.#queries.clear()
    this.#queries.set(text, query)
    return query
  }
}
