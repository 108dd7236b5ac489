import { type ExpressionBuilder, type Kysely, sql, type SqlBool } from 'kysely'
import { pageOf } from './page.ts'
import type { ApiKey, Page } from './records.ts'
import type { RowReader } from './row-reader.ts'
import { API_KEY } from './rows.ts'
import type { KeyFilter, PageRequest } from './store.ts'
import type { ApiKeyTable, Tables } from './tables.ts'

/**
 * Rows that a page looks at for what no index leads to: a few milliseconds, however many keys there are. A page that has
 * looked at as many ends there, with fewer items than it may have.
 */
const ROWS_EXAMINED_MAX = 2_000

/**
 * The states whose keys an index of their own leads to, as those indexes say it: most keys are in none of them. As
 * literals, since SQLite uses a partial index only where its condition stands in the query word for word.
 */
const SETTLED = {
  suspended: sql<SqlBool>`state = 'suspended'`,
  deactivated: sql<SqlBool>`state = 'deactivated'`,
  compromised: sql<SqlBool>`state = 'compromised'`,
  destroyed: sql<SqlBool>`state = 'destroyed'`,
} as const
const IS_ROOT = sql<SqlBool>`kind = 'root'`

/** See Reader.keys. */
export async function listKeys(
  db: Kysely<Tables>,
  rows: RowReader,
  filter: KeyFilter,
  page: PageRequest,
): Promise<Page<ApiKey>> {
  const { range, isExact } = rangeOf(db, filter, page.cursor)
  const last = isExact
    ? undefined
    : await range
        .select('id')
        .offset(ROWS_EXAMINED_MAX - 1)
        .limit(1)
        .executeTakeFirst()
  let query = range
    .selectAll()
    .limit(page.limit + 1)
    .where((where) => where.and(restOf(where, filter)))
  if (last !== undefined) query = query.where('id', '<=', last.id)
  const { items, nextCursor } = pageOf(await rows.all(API_KEY, () => query.execute()), page)
  return { items, nextCursor: nextCursor ?? last?.id ?? null }
}

/**
 * The keys that one index leads to in the order of their ids, and whether they are those of the filter, but for a few
 * root keys among them.
 */
function rangeOf(db: Kysely<Tables>, filter: KeyFilter, cursor: string | null) {
  const { kind, projectId, environment, ownerId, roleId, state } = filter
  let range = db.selectFrom('api_key').orderBy('id')
  if (cursor !== null) range = range.where('id', '>', cursor)
  if (kind === 'root') return { range: range.where(IS_ROOT), isExact: false }
  if (ownerId !== null) {
    return {
      range: range.where('owner_id', '=', ownerId),
      isExact: environment === null && roleId === null && state === null,
    }
  }
  if (projectId === null) return { range, isExact: environment === null && roleId === null && state === null }
  range = range.where('project_id', '=', projectId)
  if (isSettled(state))
    return {
      range: range.where(SETTLED[state]),
      isExact: environment === null && roleId === null && state !== 'suspended',
    }
  if (environment === null) return { range, isExact: roleId === null && state === null }
  return {
    range: range.where('environment', '=', environment),
    isExact: roleId === null && state === null,
  }
}

type Where = ExpressionBuilder<{ api_key: ApiKeyTable }, 'api_key'>

/**
 * What a key of the range must be as well. Written so that no other index looks like a way to it: the range alone has the
 * order of ids, and every other way would sort.
 */
function restOf(where: Where, filter: KeyFilter) {
  const { kind, projectId, environment, ownerId, roleId, state } = filter
  const equals = (column: 'project_id' | 'environment' | 'owner_id', value: string) =>
    where(sql<string>`coalesce(${sql.ref(column)}, '')`, '=', value)
  return [
    where('kind', kind === 'root' ? '=' : '!=', 'root'),
    ...(projectId === null ? [] : [equals('project_id', projectId)]),
    ...(environment === null ? [] : [equals('environment', environment)]),
    ...(ownerId === null ? [] : [equals('owner_id', ownerId)]),
    // Ids are of a fixed form, so one cannot be part of another.
    ...(roleId === null ? [] : [where('roles', 'like', `%"${roleId}"%`)]),
    ...(state === null ? [] : [inState(where, filter)]),
  ]
}

/** The state as the decision sees it at `now`: expiry and start are judged by time, revocation is stored. */
function inState(where: Where, { state, now }: KeyFilter) {
  const running = where('state', 'in', ['pre-active', 'active', 'suspended'])
  const expired = where('expires_at', '<=', now)
  const unexpired = where.or([where('expires_at', 'is', null), where('expires_at', '>', now)])
  switch (state) {
    case 'expired':
      return where.and([running, expired])
    case 'pre-active':
      return where.and([
        where('state', 'in', ['pre-active', 'active']),
        unexpired,
        where('not_before', '>', now),
      ])
    case 'active': {
      const begun = where.or([where('not_before', 'is', null), where('not_before', '<=', now)])
      return where.and([where('state', 'in', ['pre-active', 'active']), unexpired, begun])
    }
    case 'suspended':
      return where.and([SETTLED.suspended, unexpired])
    default:
      return isSettled(state) ? SETTLED[state] : where('state', '=', state ?? '')
  }
}

function isSettled(state: KeyFilter['state']): state is keyof typeof SETTLED {
  return state !== null && Object.hasOwn(SETTLED, state)
}
