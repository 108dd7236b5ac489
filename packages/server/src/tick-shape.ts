import { executionAsyncResource } from 'node:async_hooks'

/**
 * Keeps one object of process.nextTick for as long as the process runs. V8 forgets the hidden class of objects of which
 * a garbage collection finds none alive, as happens while the keys are read; from then on Node makes each of them the
 * slow way, and every request takes several (docs/decisions/0030).
 */
export function keepTickShape(): void {
  process.nextTick(() => {
    const tick = executionAsyncResource()
    process.once('exit', () => tick)
  })
}
