import type { Log } from './log.ts'

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
        log('error', 'server.stop_failed', { error: error instanceof Error ? error.message : 'unknown' })
        process.exit(1)
      },
    )
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
}
