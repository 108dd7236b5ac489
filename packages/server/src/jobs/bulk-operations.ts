import { continueBulkOperations } from '../keys/bulk/advance.ts'
import type { Job } from './job.ts'

/** Goes on with bulk operations: those that their request or a stop has left, and those whose undo window is over. */
export const bulkOperationsJob: Job = {
  name: 'bulk-operations',
  run: async ({ domain }) => continueBulkOperations(domain),
}
