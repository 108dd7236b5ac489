import { bulkOperationsJob } from './bulk-operations.ts'
import { destructionJob } from './destruction.ts'
import type { Job } from './job.ts'
import { forgetUsesJob, rollUpJob } from './usage.ts'

/** Everything that the server does by itself when its time has come. */
export const JOBS: readonly Job[] = [destructionJob, bulkOperationsJob, rollUpJob, forgetUsesJob]
