import type { Domain } from '../domain.ts'
import type { Log } from '../log.ts'

export interface JobContext {
  readonly domain: Domain
  readonly log: Log
}

/** Work that comes due by time. Running it again, or after a crash in the middle, does nothing twice. */
export interface Job {
  /** A stable word for logs and cursors. */
  readonly name: string
  /** Does what is due, at most a bounded piece of it, and answers whether more is waiting. */
  readonly run: (context: JobContext) => Promise<boolean>
}

/** Pieces of one job in a row before the others and requests get their turn again; the rest comes with the next round. */
const PIECES_MAX = 100

/**
 * Runs every job once, on the process that is the leader. A job that fails is logged and keeps none of the others from
 * running; what it did not do is due next time again.
 */
export async function runJobs(jobs: readonly Job[], context: JobContext): Promise<void> {
  for (const job of jobs) {
    try {
      for (let pieces = 0; pieces < PIECES_MAX; pieces++) {
        if (!context.domain.store.isLeader() || !(await job.run(context))) break
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown'
      context.log('error', 'job.failed', { job: job.name, reason })
    }
  }
}
