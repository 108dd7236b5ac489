import type { Input, Output, World } from './world.ts'

/** A world in memory whose output can be read. The clock stands at 2026-11-22T00:00:00Z. */
export interface TestWorld extends World {
  readonly out: () => string
  readonly err: () => string
  /** Every request as `METHOD path?query`, in order. */
  readonly requests: readonly string[]
}

export interface TestWorldOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly terminal?: boolean
  readonly columns?: number
  readonly stdin?: string
  readonly respond?: (request: Request) => Response | Promise<Response>
}

const TEST_NOW = Date.UTC(2026, 10, 22)

/** Makes a world; without `respond` every request is a failure, as if nothing listened. */
export function testWorld(options: TestWorldOptions = {}): TestWorld {
  const requests: string[] = []
  const stdout = sink(options)
  const stderr = sink(options)
  const stdin: Input = {
    isTerminal: options.stdin === undefined,
    read: () => Promise.resolve(new TextEncoder().encode(options.stdin)),
  }
  return {
    env: options.env ?? {},
    stdin,
    stdout: stdout.output,
    stderr: stderr.output,
    out: stdout.text,
    err: stderr.text,
    requests,
    now: () => TEST_NOW,
    fetch: async (input, init) => {
      const request = new Request(input, init)
      const url = new URL(request.url)
      requests.push(`${request.method} ${url.pathname}${url.search}`)
      if (options.respond === undefined) {
        throw new TypeError('fetch failed', {
          cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
        })
      }
      return await options.respond(request)
    },
  }
}

/** An API answer. */
export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
}

function sink({ terminal = false, columns = 80 }: TestWorldOptions): {
  readonly output: Output
  readonly text: () => string
} {
  let text = ''
  const write = (more: string) => {
    text += more
    return Promise.resolve()
  }
  return { output: { isTerminal: terminal, columns, write }, text: () => text }
}
