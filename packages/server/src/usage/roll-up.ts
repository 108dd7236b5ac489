import { USE_RECORD_BYTES } from '@keystead/protocol/use-record'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Domain } from '../domain.ts'
import type { KeyId } from '../ids.ts'
import type { Log } from '../log.ts'
import type { KeyPlace } from '../storage/store.ts'
import type { UseRollUp } from '../storage/records.ts'
import { type Sums, sumsOf } from './sums.ts'
import { UseTally } from './tally.ts'

/** Read one after the other, added up together: a key that is used all the time is counted once for all. */
const SEGMENTS_MAX = 64
/** Between two turns of the loop: about a millisecond. */
const RECORDS_PER_TURN = 8_192
const KEYS_PER_READ = 500
const SUMS_PER_STEP = 500

/** Adds up all that waits. */
export async function rollUpAllUses(domain: Pick<Domain, 'store'>, log: Log): Promise<void> {
  while (await rollUpUses(domain, log));
}

/**
 * Adds the records of segments that wait to the counts, each exactly once: after a crash it goes on where it was. Answers
 * whether there was something to do. A segment that cannot be read is named in the log and adds nothing.
 */
export async function rollUpUses({ store }: Pick<Domain, 'store'>, log: Log): Promise<boolean> {
  const rollUp = await store.claimUses(SEGMENTS_MAX)
  if (rollUp === null) return false
  const { uses, counts } = await addUp(store, rollUp.segments, log)
  const total = uses.length + counts.length
  for (let { done } = rollUp; ;) {
    const end = Math.min(done + SUMS_PER_STEP, total)
    const some = {
      uses: uses.slice(done, end),
      counts: counts.slice(Math.max(0, done - uses.length), Math.max(0, end - uses.length)),
      isLast: end >= total,
    }
    if (!(await store.addUses({ segments: rollUp.segments, done }, some)) || some.isLast) return true
    done = end
  }
}

async function addUp(store: Domain['store'], segments: UseRollUp['segments'], log: Log): Promise<Sums> {
  const tally = new UseTally()
  for (const { boot, batchNumber } of segments) {
    const segment = await store.reader.useSegment(boot, batchNumber)
    if (segment === null || segment.bytes.length !== segment.count * USE_RECORD_BYTES) {
      log('error', 'usage.segment_unreadable', { boot, batchNumber })
      continue
    }
    for (let from = 0; from < segment.count; from += RECORDS_PER_TURN) {
      tally.add(segment.bytes, from, Math.min(segment.count, from + RECORDS_PER_TURN))
      await nextTurn()
    }
  }
  const places = new Map<string, KeyPlace>()
  const uses = [...tally.entries()]
  const keyIds = [...new Set(uses.flatMap(({ keyId }) => keyId ?? []))] as KeyId[]
  for (let from = 0; from < keyIds.length; from += KEYS_PER_READ)
    for (const place of await store.reader.keyPlaces(keyIds.slice(from, from + KEYS_PER_READ)))
      places.set(place.keyId, place)
  return sumsOf(uses, places)
}
