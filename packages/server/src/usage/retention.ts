import type { Domain } from '../domain.ts'
import type { UsePeriod } from '../storage/records.ts'

const DAY_MS = 86_400_000
/** Records are the evidence of single uses: as long as a dispute about one usually takes. The leaf of each batch stays. */
const RECORDS_KEPT_MS = 90 * DAY_MS
/** Minutes are for looking into what happens now, hours for comparing with the same month a year ago; days stay. */
export const COUNTS_KEPT_MS: Readonly<Record<UsePeriod, number>> = {
  minute: 7 * DAY_MS,
  hour: 396 * DAY_MS,
  day: Number.POSITIVE_INFINITY,
}
/** One segment has up to 2 MiB, a count about 100 bytes: either way a few milliseconds. */
const SEGMENTS_PER_STEP = 10
const COUNTS_PER_STEP = 500

/** Deletes what has been kept long enough, at most a bounded piece of it, and answers whether there was any. */
export async function forgetOldUses({ store, clock }: Pick<Domain, 'store' | 'clock'>): Promise<boolean> {
  const now = clock()
  const forgotten = [
    await store.forgetUses('segments', now - RECORDS_KEPT_MS, SEGMENTS_PER_STEP),
    await store.forgetUses('minute', now - COUNTS_KEPT_MS.minute, COUNTS_PER_STEP),
    await store.forgetUses('hour', now - COUNTS_KEPT_MS.hour, COUNTS_PER_STEP),
  ]
  return forgotten.some((count) => count > 0)
}
