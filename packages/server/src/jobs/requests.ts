import { DONE_REQUESTS_KEPT_MS } from '../storage/records.ts'
import type { Job } from './job.ts'

/** A few milliseconds of the database. */
const REQUESTS_PER_STEP = 500

/** Forgets what requests with an Idempotency-Key have done a day ago. */
export const forgetRequestsJob: Job = {
  name: 'request-retention',
  async run({ domain: { store, clock } }) {
    const forgotten = await store.forgetDoneRequests(clock() - DONE_REQUESTS_KEPT_MS, REQUESTS_PER_STEP)
    return forgotten === REQUESTS_PER_STEP
  },
}
