/** A thread that makes slow hashes, one after the other (pool.ts). */
import { parentPort } from 'node:worker_threads'
import { matches } from './matches.ts'
import type { SlowHash } from './phc.ts'

export interface Work {
  readonly hash: SlowHash
  readonly text: string
}

parentPort?.on('message', ({ hash, text }: Work) => parentPort?.postMessage(matches(hash, text)))
