import { bulkOperationsJob } from './bulk-operations.ts'
import { destructionJob } from './destruction.ts'
import type { Job } from './job.ts'
import { forgetRequestsJob } from './requests.ts'
import { rotationJob } from './rotation.ts'
import { cutoverJob, idleJob } from './silence.ts'
import { forgetUsesJob, rollUpJob } from './usage.ts'

/** Everything that the server does by itself when its time has come. */
export const JOBS: readonly Job[] = [
  destructionJob,
  bulkOperationsJob,
  rotationJob,
  rollUpJob,
  cutoverJob,
  idleJob,
  forgetUsesJob,
  forgetRequestsJob,
]
