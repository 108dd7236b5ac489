/** Reads what strace has seen of a server, and finds the answers that left before their entry was on disk. */

export interface Observed {
  readonly answers: number
  readonly syncs: number
  /** Answers with no completed fsync or fdatasync between them and the answer before. */
  readonly early: number
}

const SYNC = /\b(?:fsync|fdatasync)(?:\(\d+\)| resumed>\)) += 0$/
const ANSWER = /\b(?:write|writev|sendto|sendmsg)\(\d+, .*HTTP\/1\.1 201/

/**
 * For one client that waits for each answer before it asks again: between two answers there must be a sync that has
 * returned 0. `trace` is the output of `strace -f -e trace=fsync,fdatasync,write,writev,sendto,sendmsg`.
 */
export function observe(trace: string): Observed {
  let [answers, syncs, early, synced] = [0, 0, 0, false]
  for (const line of trace.split('\n')) {
    if (SYNC.test(line)) {
      syncs += 1
      synced = true
    } else if (ANSWER.test(line)) {
      answers += 1
      if (!synced) early += 1
      synced = false
    }
  }
  return { answers, syncs, early }
}
