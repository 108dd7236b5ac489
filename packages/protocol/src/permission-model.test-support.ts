// What permissions mean, said once more in the plainest way: by enumeration of patterns, without compiling anything.
import type { PermissionQuery } from './permission-query.ts'

/** Whether segments match a pattern's: `*` is one segment, and as the last one, one or more. */
function segmentsMatch(pattern: readonly string[], segments: readonly string[]): boolean {
  const [first, ...restOfPattern] = pattern
  const [segment, ...rest] = segments
  if (first === undefined || segment === undefined) return first === segment
  if (first !== '*' && first !== segment) return false
  if (first === '*' && restOfPattern.length === 0) return true
  return segmentsMatch(restOfPattern, rest)
}

/** Whether one granted entry (without `!`) speaks of an exact permission. */
function speaksOf(entry: string, wanted: string): boolean {
  if (entry === '*') return true
  const [pattern = '', action = ''] = entry.split(':')
  const [resource = '', wantedAction = ''] = wanted.split(':')
  if (action !== '*' && action !== wantedAction) return false
  return segmentsMatch(pattern.split('.'), resource.split('.'))
}

/** Whether a key with these lists, its own and its roles', is allowed: one entry says yes, and none says no. */
export function modelAllows(lists: readonly (readonly string[])[], wanted: string): boolean {
  const entries = lists.flat()
  const denies = entries.filter((entry) => entry.startsWith('!')).map((entry) => entry.slice(1))
  const grants = entries.filter((entry) => !entry.startsWith('!'))
  return grants.some((entry) => speaksOf(entry, wanted)) && !denies.some((entry) => speaksOf(entry, wanted))
}

/** Whether the lists satisfy a query. */
export function modelSatisfies(lists: readonly (readonly string[])[], query: PermissionQuery): boolean {
  if (typeof query === 'string') return modelAllows(lists, query)
  if ('not' in query) return !modelSatisfies(lists, query.not)
  const parts = 'and' in query ? query.and : query.or
  const answers = parts.map((part) => modelSatisfies(lists, part))
  return 'and' in query ? !answers.includes(false) : answers.includes(true)
}

/** The text of a query, with parentheses around everything that is more than a permission. */
export function queryText(query: PermissionQuery): string {
  if (typeof query === 'string') return query
  if ('not' in query) return `NOT (${queryText(query.not)})`
  const parts = 'and' in query ? query.and : query.or
  return parts.map((part) => `(${queryText(part)})`).join('and' in query ? ' AND ' : ' OR ')
}
