import type { JsonObject, Query } from './client.ts'
import type { Invocation } from './command.ts'
import { asObjects, asText } from './fields.ts'
import { type Column, renderTable } from './table.ts'

// One screenful for a person; with --all the largest page, so that the fewest requests are made.
const PAGE_ROWS = 50
const PAGE_ROWS_MAX = 200
// --all holds all rows in memory; beyond this a filter or the API is the better tool.
const ALL_ROWS_MAX = 100_000

/** Prints one page of a list, or with --all every page. --json prints {items, nextCursor}. */
export async function presentList(
  invocation: Invocation,
  list: { readonly path: string; readonly filters: Query; readonly columns: readonly Column<JsonObject>[] },
): Promise<void> {
  const { values, world } = invocation
  const all = values.flag('all')
  const limit = values.integer('limit', 1, PAGE_ROWS_MAX) ?? (all ? PAGE_ROWS_MAX : PAGE_ROWS)
  const client = await invocation.authenticated()
  const rows: JsonObject[] = []
  let cursor = values.text('cursor')
  do {
    const page = await client.get(list.path, { ...list.filters, limit, cursor })
    const items = asObjects(page['items'])
    rows.push(...items)
    cursor = asText(page['nextCursor']) || undefined
    // An empty page with a cursor would be a loop without end.
    if (items.length === 0) break
  } while (all && cursor !== undefined && rows.length < ALL_ROWS_MAX)
  await invocation.present({ items: rows, nextCursor: cursor ?? null }, () =>
    rows.length === 0 ? 'none' : renderTable(list.columns, rows, world.stdout),
  )
  if (cursor === undefined) return
  const next = all
    ? `stopped after ${rows.length} rows; narrow the list with a filter, or`
    : 'there is more: --all, or'
  await world.stderr.write(`${next} go on with --cursor ${JSON.stringify(cursor)}\n`)
}
