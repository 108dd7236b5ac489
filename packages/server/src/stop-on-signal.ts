import { reasonOf } from './errors.ts'
import type { Log } from './log.ts'

/** Takes every step of a stop, in this order: one that fails keeps none of the others back. Rejects with the first failure. */
export async function takeSteps(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = []
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}

/** Ctrl-C and SIGTERM: finish what has begun, then leave. A second signal leaves at once. */
export function stopOnSignal(stop: () => Promise<void>, log: Log): void {
  let stopping = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1)
    stopping = true
    log('info', 'server.stopping', { signal })
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log('error', 'server.stop_failed', { error: reasonOf(error) })
        process.exit(1)
      },
    )
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
}
