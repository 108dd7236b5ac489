import { forgetOldUses } from '../usage/retention.ts'
import { rollUpUses } from '../usage/roll-up.ts'
import type { Job } from './job.ts'

/** What so many records come to is counted at once; under more load a key that is always used is counted once a minute. */
const RECORDS_AT_ONCE_MAX = 65_536
const WAIT_MS_MAX = 60_000

/** Adds up the uses that were recorded since the last time. */
export const rollUpJob: Job = {
  name: 'use-roll-up',
  async run({ domain, log }) {
    const { records, oldestAt } = await domain.store.reader.usesWaiting()
    if (oldestAt === null) return false
    if (records > RECORDS_AT_ONCE_MAX && domain.clock() - oldestAt < WAIT_MS_MAX) return false
    return rollUpUses(domain, log)
  },
}

/** Deletes records and counts of uses that have been kept long enough. */
export const forgetUsesJob: Job = {
  name: 'use-retention',
  run: async ({ domain }) => forgetOldUses(domain),
}
