import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/**
 * Where a connection is cut: before the server gets what matches; after it has answered, so that the answer is lost; or
 * behind the answer, by a server that says in the same breath that it shuts down.
 */
export type Cut = 'before' | 'after' | 'behind'

/** ErrorResponse: severity FATAL, admin_shutdown. */
const FAREWELL_FIELDS = Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0')
const FAREWELL = Buffer.concat([
  Buffer.from('E'),
  Buffer.from(Uint32Array.of(FAREWELL_FIELDS.length + 4).buffer).swap32(),
  FAREWELL_FIELDS,
])

interface Planned {
  readonly pattern: RegExp
  readonly cut: Cut
  readonly done: () => void
}

/** A wire between a store and its server that a test can cut. */
export class Proxy {
  readonly #server
  readonly #sockets = new Set<Socket>()
  readonly #target: URL
  #planned: Planned | null = null
  #down = false

  private constructor(url: string) {
    this.#target = new URL(url)
    this.#server = createServer((client) => this.#join(client))
  }

  /** Starts one in front of the database at `url`; it ends after the test. */
  static async open(t: TestContext, url: string): Promise<Proxy> {
    const proxy = new Proxy(url)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    t.after(() => {
      proxy.#server.close()
      proxy.cutAll()
    })
    return proxy
  }

  /** The database's URL by this way. */
  get url(): string {
    const url = new URL(this.#target)
    const address = this.#server.address()
    url.port = String(typeof address === 'object' ? address?.port : 0)
    return url.href
  }

  /** Cuts the one connection whose next bytes to the server match; resolves when it has happened. */
  async cutAt(pattern: RegExp, cut: Cut): Promise<void> {
    return new Promise((done) => {
      this.#planned = { pattern, cut, done }
    })
  }

  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Cuts everything and lets nothing through until `up`. */
  down(): void {
    this.#down = true
    this.cutAll()
  }

  up(): void {
    this.#down = false
  }

  #join(client: Socket): void {
    if (this.#down) {
      client.destroy()
      return
    }
    const server = connect(Number(this.#target.port), this.#target.hostname)
    let answering: Planned | null = null
    const end = (): void => {
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', end).on('close', () => {
        this.#sockets.delete(socket)
        end()
      })
    }
    client.on('data', (bytes) => {
      const planned = this.#planned
      if (planned === null || !planned.pattern.test(bytes.toString('latin1'))) {
        server.write(bytes)
        return
      }
      this.#planned = null
      if (planned.cut === 'before') {
        end()
        planned.done()
      } else {
        answering = planned
        server.write(bytes)
      }
    })
    server.on('data', (bytes) => {
      if (answering === null) {
        client.write(bytes)
        return
      }
      if (answering.cut === 'behind') client.end(Buffer.concat([bytes, FAREWELL]))
      else end()
      answering.done()
    })
  }
}
