import { setImmediate as nextTurn } from 'node:timers/promises'
import { type KeyUse, UNKNOWN_KEY, USE_PERIODS, type UseCount, type UsePeriod } from '../storage/records.ts'
import type { KeyPlace } from '../storage/store.ts'
import { MINUTE_MS, type Tallied } from './tally.ts'

export const PERIOD_MS: Readonly<Record<UsePeriod, number>> = {
  minute: MINUTE_MS,
  hour: 3_600_000,
  day: 86_400_000,
}

/** Between two turns of the loop: about a millisecond. */
const USES_PER_TURN = 100

export interface Sums {
  readonly uses: readonly KeyUse[]
  readonly counts: readonly UseCount[]
}

/**
 * What uses add up to, in one order for the same uses: totals for each key, version and code; and counts by minute, hour
 * and day for each key, for the owner of issued keys and for their project. In slices that let others run.
 */
export async function sumsOf(uses: readonly Tallied[], places: ReadonlyMap<string, KeyPlace>): Promise<Sums> {
  const totals = new Map<string, KeyUse>()
  const counts = new Map<string, UseCount>()
  for (const [i, use] of uses.entries()) {
    addUse(totals, counts, use, places.get(use.keyId ?? UNKNOWN_KEY))
    if (i % USES_PER_TURN === USES_PER_TURN - 1) await nextTurn()
  }
  return { uses: [...totals.values()], counts: [...counts.values()] }
}

function addUse(
  totals: Map<string, KeyUse>,
  counts: Map<string, UseCount>,
  { keyId: id, versionNumber, code, minuteAt, count, lastAt }: Tallied,
  place: KeyPlace | undefined,
): void {
  const keyId = id ?? UNKNOWN_KEY
  const name = `${keyId} ${versionNumber} ${code}`
  const known = totals.get(name)
  totals.set(name, {
    ...{ keyId, versionNumber, code },
    count: (known?.count ?? 0) + count,
    lastAt: Math.max(known?.lastAt ?? 0, lastAt),
  })
  const environment = place?.environment ?? null
  for (const subject of subjectsOf(keyId, place))
    for (const period of USE_PERIODS) {
      const startAt = minuteAt - (minuteAt % PERIOD_MS[period])
      addCount(counts, { subject, environment, period, startAt, code, count })
    }
}

/** A root key, which has no owner, is counted for itself alone: a project's counts are those of the keys that it issued. */
function subjectsOf(keyId: string, place: KeyPlace | undefined): readonly string[] {
  if (place === undefined || place.ownerId === null || place.projectId === null) return [keyId]
  return [keyId, place.ownerId, place.projectId]
}

function addCount(counts: Map<string, UseCount>, count: UseCount): void {
  const name = `${count.subject} ${count.period} ${count.startAt} ${count.environment ?? ''} ${count.code}`
  const known = counts.get(name)
  counts.set(name, known === undefined ? count : { ...known, count: known.count + count.count })
}
