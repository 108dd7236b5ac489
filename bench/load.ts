import { once } from 'node:events'
import { join } from 'node:path'
import { launch, type Program } from '../e2e/program.ts'
import type { Job, Measurement } from './load-generator.ts'

/** The load generator in its own process, on its own core. */
export interface Load {
  /** Runs one window. Throws when any answer was wrong: a fast error is no throughput. */
  run(job: Job): Promise<Measurement>
  end(): Promise<void>
}

export async function launchLoad(core: number): Promise<Load> {
  const script = join(import.meta.dirname, 'load-generator.ts')
  const program: Program = launch({ script, core, ipc: true, readyPattern: /^(load ready)$/m })
  await program.ready
  return {
    async run(job) {
      const measurement = await ask<Measurement>(program, job, 'the load generator')
      if (measurement.wrong > 0) throw new Error(`${measurement.wrong} answers were wrong`)
      return measurement
    },
    end: () => program.end('SIGTERM'),
  }
}

/** A server and what it is asked. */
export interface Side {
  readonly program: Program
  readonly job: Job
}

/** Runs a window against one of several servers on a core; the others stand still, so that their own work falls into theirs. */
export async function runAlone(load: Load, { program, job }: Side, durationMs: number): Promise<Measurement> {
  program.child.kill('SIGCONT')
  try {
    return await load.run({ ...job, durationMs })
  } finally {
    program.child.kill('SIGSTOP')
  }
}

/** Sends a job to a program and waits for its answer. Throws when it dies first; `who` says which. */
export async function ask<Answer>(program: Program, job: object, who: string): Promise<Answer> {
  const answer = once(program.child, 'message')
  program.child.send(job)
  const died = program.exited.then((): never => {
    throw new Error(`${who} died`)
  })
  const [message] = (await Promise.race([answer, died])) as [Answer]
  return message
}

/** What an answer to the verification of a valid key looks like. */
export const VALID: Pick<Job, 'status' | 'contains'> = {
  status: 'HTTP/1.1 200 ',
  contains: '"code":"VALID","valid":true',
}

/** The whole HTTP message of a POST of JSON, in ASCII. */
export function postRequest(path: string, credential: string, body: object): string {
  const text = JSON.stringify(body)
  return (
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:4440\r\nauthorization: Bearer ${credential}\r\n` +
    `content-type: application/json\r\naccept: application/json\r\nuser-agent: keystead-bench/1\r\n` +
    `content-length: ${text.length}\r\n\r\n${text}`
  )
}

/** The whole HTTP message of a GET, in ASCII. */
export function getRequest(path: string, credential: string): string {
  return (
    `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:4440\r\nauthorization: Bearer ${credential}\r\n` +
    `accept: application/json\r\nuser-agent: keystead-bench/1\r\n\r\n`
  )
}

export function ratiosText(ratios: readonly number[]): string {
  return ratios.map((ratio) => ratio.toFixed(3)).join(' ')
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}
