import type { Page } from './records.ts'
import type { PageRequest } from './store.ts'

/** The page that begins `records`, which were read with one more than its limit. */
export function pageOf<Record extends { readonly id: string }>(
  records: readonly Record[],
  page: PageRequest,
): Page<Record> {
  const items = records.slice(0, page.limit)
  const more = records.length > page.limit
  return { items, nextCursor: more ? (items.at(-1)?.id ?? null) : null }
}
