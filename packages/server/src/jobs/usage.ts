import { forgetOldUses } from '../usage/retention.ts'
import { rollUpUses } from '../usage/roll-up.ts'
import type { Job } from './job.ts'

/** Adds up the uses that were recorded since the last time. */
export const rollUpJob: Job = {
  name: 'use-roll-up',
  run: async ({ domain, log }) => rollUpUses(domain, log),
}

/** Deletes records and counts of uses that have been kept long enough. */
export const forgetUsesJob: Job = {
  name: 'use-retention',
  run: async ({ domain }) => forgetOldUses(domain),
}
