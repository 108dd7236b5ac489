import type { Reader } from '../storage/store.ts'

/** More are not told apart: whoever asks about so long a time learns that it is full of gaps. */
const GAPS_MAX = 100
/** Starts of servers that are looked at: more than a year of daily ones. */
const EMITTERS_MAX = 500

/** A time of which not every use is known. Epoch milliseconds, both included. */
export interface UseGap {
  readonly boot: string
  readonly from: number
  readonly to: number
  /** How many uses had no room; null where the process was cut off and nobody knows. */
  readonly dropped: number | null
}

/**
 * Where records of use are incomplete between two times (epoch ms): batches that dropped uses, and boots that were cut
 * off, from their last flush to the next start of the same node. At most GAPS_MAX. A node that was cut off and has not
 * come back shows as an emitter that is open and silent, not here: nobody can tell it from one that nobody calls.
 */
export async function findUseGaps(
  reader: Pick<Reader, 'useEmittersUntil' | 'useSegmentsDropped'>,
  from: number,
  to: number,
): Promise<readonly UseGap[]> {
  const dropped = await reader.useSegmentsDropped(from, to, GAPS_MAX)
  const gaps: UseGap[] = dropped.map((segment) => ({
    boot: segment.boot,
    from: segment.from,
    to: segment.to,
    dropped: segment.dropped,
  }))
  const next = new Map<string, number>()
  for (const emitter of (await reader.useEmittersUntil(Number.MAX_SAFE_INTEGER, EMITTERS_MAX)).toReversed()) {
    const end = next.get(emitter.node)
    next.set(emitter.node, emitter.createdAt)
    const begin = emitter.lastFlushAt ?? emitter.createdAt
    if (emitter.state === 'active' && end !== undefined && begin <= to && end >= from)
      gaps.push({ boot: emitter.id, from: begin, to: end, dropped: null })
  }
  return gaps.toSorted((a, b) => a.from - b.from).slice(0, GAPS_MAX)
}
