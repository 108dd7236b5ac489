/**
 * A load generator over node:net, in a process of its own: keep-alive connections with one request outstanding each, and
 * every answer checked. Takes a Job by message, answers with a Measurement.
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { cpuMsOf, idleMsOfCore } from './processor.ts'

export interface Job {
  readonly port: number
  readonly connections: number
  readonly durationMs: number
  /** A JSON file with the requests, whole HTTP messages in ASCII; taken in turn. */
  readonly requestsFile: string
  /** What an answer must begin with, and what must be in it. */
  readonly status: string
  readonly contains: string
  /** Processes whose processor time is counted, and the core that they run on. */
  readonly serverPid: number
  readonly serverCore: number
}

export interface Measurement {
  readonly count: number
  readonly wrong: number
  readonly wallMs: number
  readonly serverCpuMs: number
  readonly generatorCpuMs: number
  /** Of the server's core, over the window. */
  readonly idleMs: number
  readonly p50Ms: number
  readonly p99Ms: number
}

interface Window {
  readonly job: Job
  readonly latencies: number[]
  readonly take: () => Buffer
  until: number
  wrong: number
}

class Connection {
  readonly #socket: Socket
  readonly #window: Window
  #received = ''
  #sentAt = 0
  #idle: (() => void) | null = null

  constructor(window: Window) {
    this.#window = window
    this.#socket = connect({ port: window.job.port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk) => this.#receive(chunk))
    this.#socket.on('error', () => {
      window.wrong += 1
      this.#idle?.()
    })
  }

  connected(): Promise<void> {
    return new Promise((done) => this.#socket.once('connect', () => done()))
  }

  /** Sends one request after the other until the window ends; resolves when the last answer is in. */
  run(): Promise<void> {
    return new Promise((done) => {
      this.#idle = done
      this.#send()
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #send(): void {
    this.#sentAt = performance.now()
    this.#socket.write(this.#window.take())
  }

  #receive(chunk: Buffer | string): void {
    this.#received += typeof chunk === 'string' ? chunk : chunk.toString('latin1')
    const text = this.#received
    const head = text.indexOf('\r\n\r\n')
    if (head === -1) return
    const field = text.indexOf('content-length: ')
    const length = field === -1 || field > head ? 0 : Number.parseInt(text.slice(field + 16, field + 24), 10)
    if (text.length < head + 4 + length) return
    this.#received = ''
    const now = performance.now()
    const { job } = this.#window
    const right =
      text.length === head + 4 + length && text.startsWith(job.status) && text.includes(job.contains)
    if (!right) this.#window.wrong += 1
    if (now > this.#window.until) {
      this.#idle?.()
      return
    }
    this.#window.latencies.push(now - this.#sentAt)
    this.#send()
  }
}

async function measure(job: Job): Promise<Measurement> {
  const requests = (JSON.parse(readFileSync(job.requestsFile, 'utf8')) as string[]).map((text) =>
    Buffer.from(text, 'latin1'),
  )
  let next = 0
  const take = (): Buffer => requests[next++ % requests.length] ?? Buffer.alloc(0)
  const window: Window = { job, latencies: [], take, until: 0, wrong: 0 }
  const connections = Array.from({ length: job.connections }, () => new Connection(window))
  await Promise.all(connections.map((connection) => connection.connected()))
  const [startedAt, server, own, idle] = [
    performance.now(),
    cpuMsOf(job.serverPid),
    cpuMsOf(process.pid),
    idleMsOfCore(job.serverCore),
  ]
  window.until = startedAt + job.durationMs
  await Promise.all(connections.map((connection) => connection.run()))
  const measurement = {
    count: window.latencies.length,
    wrong: window.wrong,
    wallMs: performance.now() - startedAt,
    serverCpuMs: cpuMsOf(job.serverPid) - server,
    generatorCpuMs: cpuMsOf(process.pid) - own,
    idleMs: idleMsOfCore(job.serverCore) - idle,
  }
  for (const connection of connections) connection.close()
  const sorted = Float64Array.from(window.latencies).sort()
  const quantile = (q: number): number => sorted[Math.floor((sorted.length - 1) * q)] ?? Number.NaN
  return { ...measurement, p50Ms: quantile(0.5), p99Ms: quantile(0.99) }
}

if (process.send !== undefined) {
  process.on('message', (job) => {
    measure(job as Job).then(
      (measurement) => process.send?.(measurement),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
  console.log('load ready')
}
