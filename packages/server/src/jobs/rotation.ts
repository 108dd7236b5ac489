import { SERVER } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { beginRotation } from '../keys/begin-rotation.ts'
import { type ApiKey, currentVersion, type JobCursor, type ProjectEnvironment } from '../storage/records.ts'
import { everyEnvironment } from './environments.ts'
import type { Job } from './job.ts'

/** How many days before a key reaches its maximum age people are told; 0 is the day itself. */
const DAYS_BEFORE = [14, 7, 1, 0] as const
/** Ids that one event names: 500 of them are half of what a leaf may hold. */
const KEYS_PER_EVENT = 500
const DAY_MS = 86_400_000
const FROM_THE_START: JobCursor = { at: 0, after: '' }

/**
 * Tells of keys that reach the maximum age of their environment, 14, 7 and 1 days before and when they do, each key once
 * for each; where the policy says so, their rotation begins then. A changed policy is applied from the start.
 */
export const rotationJob: Job = {
  name: 'rotation',
  async run({ domain }) {
    let more = false
    for await (const environment of everyEnvironment(domain)) {
      if (environment.policy.maximumAgeSeconds === null) continue
      for (const [i, days] of DAYS_BEFORE.entries())
        if (await tell(domain, environment, days, DAYS_BEFORE[i + 1] ?? null)) more = true
    }
    return more
  },
}

/** One page of keys that have come so close to their maximum age, but not as close as the next threshold. */
async function tell(
  domain: Domain,
  environment: ProjectEnvironment,
  days: number,
  nextDays: number | null,
): Promise<boolean> {
  const now = domain.clock()
  const { maximumAgeSeconds, rotation, overlapSeconds } = environment.policy
  const madeBefore = (left: number): number => now + left * DAY_MS - (maximumAgeSeconds ?? 0) * 1_000
  const name = `rotation:${environment.id}:${environment.version}:${days}`
  const known = (await domain.store.reader.jobCursor(name)) ?? FROM_THE_START
  const closest = nextDays === null ? 0 : madeBefore(nextDays) + 1
  const after = closest > known.at ? { at: closest, after: '' } : known
  const span = { after, until: madeBefore(days), now }
  const keys = await domain.store.reader.keysByAge(environment, span, KEYS_PER_EVENT)
  const last = keys.at(-1)
  if (last === undefined) return false
  if (days === 0 && rotation === 'automatic')
    for (const { id } of keys) await beginRotation(domain, id, overlapSeconds)
  await domain.store.transact(SERVER, async (tx) => {
    tx.record({
      action: 'key.rotation_due',
      projectId: environment.projectId,
      environment: environment.environment,
      details: { daysLeft: days, keyIds: keys.map(({ id }) => id) },
    })
  })
  // A crash in between tells once more: better than not at all.
  await domain.store.saveCursor(name, { at: madeAt(last), after: last.id })
  return keys.length === KEYS_PER_EVENT
}

function madeAt(key: ApiKey): number {
  return currentVersion(key)?.createdAt ?? key.createdAt
}
