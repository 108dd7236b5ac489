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
      const answer = new Promise<Measurement>((done) =>
        program.child.once('message', (message) => done(message as Measurement)),
      )
      program.child.send(job)
      const died = program.exited.then((): never => {
        throw new Error('the load generator died')
      })
      const measurement = await Promise.race([answer, died])
      if (measurement.wrong > 0) throw new Error(`${measurement.wrong} answers were wrong`)
      return measurement
    },
    end: () => program.end('SIGTERM'),
  }
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

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}
