import { setImmediate as nextTurn } from 'node:timers/promises'

export interface Gathering {
  /** How many wait already. */
  readonly waiting: () => number
  /** As many as one commit may take. */
  readonly max: number
  /** It is over once none has come for `quietMs`, and in any case after `maxMs`. */
  readonly quietMs: number
  readonly maxMs: number
}

/** Lets what is on its way join the batch: answers to the last one bring new requests sooner than a commit ends. */
export async function gather({ waiting, max, quietMs, maxMs }: Gathering): Promise<void> {
  const started = performance.now()
  let newest = started
  for (let before = waiting(); before < max;) {
    // What the loop has read from its sockets by then has been handled.
    await nextTurn()
    const now = performance.now()
    if (waiting() > before) newest = now
    before = waiting()
    if (now - newest >= quietMs || now - started >= maxMs) return
  }
}
