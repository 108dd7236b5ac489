import { bulkOperationsJob } from './bulk-operations.ts'
import { destructionJob } from './destruction.ts'
import type { Job } from './job.ts'

/** Everything that the server does by itself when its time has come. */
export const JOBS: readonly Job[] = [destructionJob, bulkOperationsJob]
