import { setImmediate as nextTurn } from 'node:timers/promises'
import { type KeyUse, UNKNOWN_KEY, type UseCount, type UsePeriod } from '../storage/records.ts'
import type { KeyPlace } from '../storage/store.ts'
import { sortedInTurns } from './sorted-in-turns.ts'
import { MINUTE_MS, type Tallied } from './tally.ts'

export const PERIOD_MS: Readonly<Record<UsePeriod, number>> = {
  minute: MINUTE_MS,
  hour: 3_600_000,
  day: 86_400_000,
}

/** Between two turns of the loop: below a millisecond. */
const USES_PER_TURN = 500

export interface Sums {
  readonly uses: readonly KeyUse[]
  readonly counts: readonly UseCount[]
}

/**
 * What uses add up to: totals for each key, version and code; and counts by minute, hour and day for each key, for the
 * owner of issued keys and for their project. In the order in which the rows lie on disk, the same for the same uses, so
 * that a step of the roll-up changes few pages. In slices that let others run.
 */
export async function sumsOf(uses: readonly Tallied[], places: ReadonlyMap<string, KeyPlace>): Promise<Sums> {
  const totals = new Map<string, KeyUse>()
  const minutes: UseCount[] = []
  for (const [i, use] of uses.entries()) {
    addTotal(totals, use)
    minutes.push(...minutesOf(use, places.get(use.keyId ?? UNKNOWN_KEY)))
    if (i % USES_PER_TURN === USES_PER_TURN - 1) await nextTurn()
  }
  const byMinute = await folded(await sortedInTurns(minutes, byPlace), 'minute')
  const byHour = await folded(byMinute, 'hour')
  const byDay = await folded(byHour, 'day')
  const ordered = await sortedInTurns([...totals.values()], (one, other) => order(one.keyId, other.keyId))
  return { uses: ordered, counts: [...byMinute, ...byHour, ...byDay] }
}

function addTotal(
  totals: Map<string, KeyUse>,
  { keyId: id, versionNumber, code, count, lastAt }: Tallied,
): void {
  const keyId = id ?? UNKNOWN_KEY
  const name = `${keyId} ${versionNumber} ${code}`
  const known = totals.get(name)
  totals.set(name, {
    ...{ keyId, versionNumber, code },
    count: (known?.count ?? 0) + count,
    lastAt: Math.max(known?.lastAt ?? 0, lastAt),
  })
}

function minutesOf({ keyId, code, minuteAt, count }: Tallied, place: KeyPlace | undefined): UseCount[] {
  const environment = place?.environment ?? null
  const what = { environment, period: 'minute', startAt: minuteAt, code, count } as const
  return subjectsOf(keyId ?? UNKNOWN_KEY, place).map((subject) => ({ subject, ...what }))
}

/** A root key, which has no owner, is counted for itself alone: a project's counts are those of the keys that it issued. */
function subjectsOf(keyId: string, place: KeyPlace | undefined): readonly string[] {
  if (place === undefined || place.ownerId === null || place.projectId === null) return [keyId]
  return [keyId, place.ownerId, place.projectId]
}

/** Counts by a longer period, of counts in the order of byPlace, which theirs is too. */
async function folded(counts: readonly UseCount[], period: UsePeriod): Promise<readonly UseCount[]> {
  const sums: { -readonly [Name in keyof UseCount]: UseCount[Name] }[] = []
  for (const [i, count] of counts.entries()) {
    const last = sums.at(-1)
    const startAt = count.startAt - (count.startAt % PERIOD_MS[period])
    if (last !== undefined && last.startAt === startAt && isSameLine(last, count)) last.count += count.count
    else sums.push({ ...count, period, startAt })
    if (i % USES_PER_TURN === USES_PER_TURN - 1) await nextTurn()
  }
  return sums
}

function isSameLine(one: UseCount, other: UseCount): boolean {
  return one.subject === other.subject && one.environment === other.environment && one.code === other.code
}

function byPlace(one: UseCount, other: UseCount): number {
  return (
    order(one.subject, other.subject) ||
    order(one.environment ?? '', other.environment ?? '') ||
    order(one.code, other.code) ||
    one.startAt - other.startAt
  )
}

function order(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
