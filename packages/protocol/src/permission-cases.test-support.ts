import type { PermissionQuery } from './permission-query.ts'

/** A small alphabet, so that random grants and wishes meet often. */
const WORDS = ['a', 'b', 'c'] as const
const ACTIONS = ['read', 'trade'] as const
const LISTS_MAX = 4
const ENTRIES_MAX = 5

/** Grants of a key and its roles, and a question to them. */
export interface PermissionCase {
  readonly lists: readonly (readonly string[])[]
  readonly query: PermissionQuery
}

/** One random case; `random(n)` answers with an integer from 0 to n - 1. */
export function randomCase(random: (below: number) => number): PermissionCase {
  const pick = <Item>(items: readonly [Item, ...Item[]]): Item => items[random(items.length)] ?? items[0]
  const resource = (wild: boolean): string =>
    Array.from({ length: 1 + random(3) }, () => (wild && random(3) === 0 ? '*' : pick(WORDS))).join('.')
  const entry = (): string => {
    const text = random(20) === 0 ? '*' : `${resource(true)}:${random(3) === 0 ? '*' : pick(ACTIONS)}`
    return random(4) === 0 ? `!${text}` : text
  }
  const query = (depth: number): PermissionQuery => {
    const form = depth === 0 ? 0 : random(6)
    if (form === 3) return { not: query(depth - 1) }
    if (form === 4) return { and: [query(depth - 1), query(depth - 1)] }
    if (form === 5) return { or: [query(depth - 1), query(depth - 1), query(depth - 1)] }
    return `${resource(false)}:${pick(ACTIONS)}`
  }
  const lists = Array.from({ length: 1 + random(LISTS_MAX) }, () =>
    Array.from({ length: random(ENTRIES_MAX) }, entry),
  )
  return { lists, query: query(3) }
}
