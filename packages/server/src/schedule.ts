import { reasonOf } from './errors.ts'
import type { Log } from './log.ts'

/**
 * Runs `work` again and again, `intervalMs` after it last ended, never twice at once. A failure is logged and does not
 * end it. Returns what stops it, which resolves when a run in progress has ended.
 * @param firstMs how long from now the first run waits
 */
export function every(
  intervalMs: number,
  work: () => Promise<unknown>,
  log: Log,
  firstMs = intervalMs,
): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  let stopped = false
  const run = async (): Promise<void> => {
    try {
      await work()
    } catch (error) {
      log('error', 'schedule.failed', { error: reasonOf(error) })
    }
    if (!stopped) plan(intervalMs)
  }
  const plan = (ms: number): void => {
    timer = setTimeout(() => {
      running = run()
    }, ms)
  }
  plan(firstMs)
  return async () => {
    stopped = true
    clearTimeout(timer)
    await running
  }
}
