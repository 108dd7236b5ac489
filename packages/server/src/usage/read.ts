import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Environment } from '@keystead/protocol/api-key'
import { type Authorized, isWithin, requireUnbound } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import type { BootId } from '../ids.ts'
import { type Page, UNKNOWN_KEY, type UseCount, type UseEmitter, type UsePeriod } from '../storage/records.ts'
import type { PageRequest } from '../storage/store.ts'
import { findUseGaps, type UseGap } from './gaps.ts'
import { COUNTS_KEPT_MS } from './retention.ts'
import { PERIOD_MS } from './sums.ts'

/** Where no beginning is given: an hour of minutes, two and a half days of hours, two months of days. */
const PERIODS_DEFAULT = 60
/** Looked for at once, of which each has at most three environments times the codes: about a millisecond. */
const PERIODS_PER_READ = 250

/** Whose use, and when; times are epoch milliseconds, `to` is excluded. */
export interface UsageQuery {
  readonly keyId?: string
  readonly ownerId?: string
  readonly projectId?: string
  /** Texts that proved no key, instead of somebody's use. */
  readonly unknown?: boolean
  readonly environment?: Environment
  readonly period: UsePeriod
  readonly from?: number
  readonly to?: number
}

export interface UsagePeriod {
  readonly startAt: number
  readonly counts: readonly Pick<UseCount, 'environment' | 'code' | 'count'>[]
}

export interface Usage extends Page<UsagePeriod> {
  readonly from: number
  readonly to: number
  readonly gaps: readonly UseGap[]
}

/**
 * Counts of use by period, oldest first; periods without any are left out. Records are counted within fifteen seconds.
 * `request.invalid` unless the query names exactly one of key, owner, project and unknown; `key.not_found`,
 * `owner.not_found`, `project.not_found` outside the caller's reach; `access.denied` for a bound caller that asks about
 * unknown texts.
 */
export async function listUsage(
  { store, clock }: Domain,
  by: Authorized<'usage:read'>,
  query: UsageQuery,
  page: PageRequest,
): Promise<Usage> {
  const subject = await subjectOf(store, by, query)
  const environment = query.environment ?? by.reach.environment
  const to = query.to ?? clock() + 1
  const from = query.from ?? to - PERIODS_DEFAULT * PERIOD_MS[query.period]
  const gaps = await findUseGaps(store.reader, from, to)
  if (by.reach.environment !== null && environment !== by.reach.environment)
    return { items: [], nextCursor: null, from, to, gaps }
  const after = page.cursor === null ? from : Number(page.cursor) + PERIOD_MS[query.period]
  const asked = { subject, environment, period: query.period }
  const periods: UsagePeriod[] = []
  for (const startAts of startsWithin(query.period, after, to, clock())) {
    const counts = await store.reader.useCounts({ ...asked, startAts })
    for (const [startAt, some] of Map.groupBy(counts, (count) => count.startAt))
      periods.push({
        startAt,
        counts: some.map(({ environment: where, code, count }) => ({ environment: where, code, count })),
      })
    if (periods.length > page.limit) break
    await nextTurn()
  }
  const items = periods.slice(0, page.limit)
  const last = items.at(-1)
  const nextCursor = periods.length > page.limit && last !== undefined ? String(last.startAt) : null
  return { items, nextCursor, from, to, gaps }
}

/** When the periods begin that touch [from, to) and of which counts can be there, oldest first, in pieces. */
function* startsWithin(period: UsePeriod, from: number, to: number, now: number): Generator<number[]> {
  const step = PERIOD_MS[period]
  const first = Math.max(0, from, now - COUNTS_KEPT_MS[period])
  // Clocks of several servers differ by less than a period.
  const end = Math.min(to, now + step)
  for (let startAt = first - (first % step); startAt < end;) {
    const starts: number[] = []
    for (; startAt < end && starts.length < PERIODS_PER_READ; startAt += step) starts.push(startAt)
    yield starts
  }
}

/** What each run of a server process has told about uses, oldest first. */
export async function listEmitters(
  { store }: Domain,
  by: Authorized<'usage:read'>,
  page: PageRequest,
): Promise<Page<UseEmitter>> {
  requireUnbound(by)
  return store.reader.useEmitters(page)
}

/** The records of one batch, as stored. `usage.not_found` when there are none, or none any more. */
export async function readBatch(
  { store }: Domain,
  by: Authorized<'audit:read'>,
  boot: BootId,
  batchNumber: number,
): Promise<Uint8Array> {
  requireUnbound(by)
  const segment = await store.reader.useSegment(boot, batchNumber)
  if (segment === null) throw new DomainError('usage.not_found')
  return segment.bytes
}

async function subjectOf(
  { reader }: Domain['store'],
  by: Authorized<'usage:read'>,
  { keyId, ownerId, projectId, unknown }: UsageQuery,
): Promise<string> {
  const named = [keyId, ownerId, projectId, unknown].filter((value) => value !== undefined && value !== false)
  if (named.length !== 1)
    throw new DomainError('request.invalid', 'Name exactly one of keyId, ownerId, projectId and unknown.')
  if (keyId !== undefined) {
    const key = await reader.key(keyId)
    if (key === null || !isWithin(by.reach, key)) throw new DomainError('key.not_found')
    return key.id
  }
  if (ownerId !== undefined) {
    const owner = await reader.owner(ownerId)
    if (owner === null || !isWithin(by.reach, { projectId: owner.projectId }))
      throw new DomainError('owner.not_found')
    return owner.id
  }
  if (projectId !== undefined) {
    const project = await reader.project(projectId)
    if (project === null || !isWithin(by.reach, { projectId: project.id }))
      throw new DomainError('project.not_found')
    return project.id
  }
  requireUnbound(by)
  return UNKNOWN_KEY
}
