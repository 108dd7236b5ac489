import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { launchServer } from './program.ts'

export interface Answer {
  readonly status: number
  readonly text: string
}

/** A client of one server for as long as it lives. A request whose answer did not come whole is rejected. */
export class Api {
  readonly #url: string
  readonly #credential: string
  readonly #agent = new Agent({ keepAlive: true })

  constructor(url: string, credential: string) {
    this.#url = url
    this.#credential = credential
  }

  /** Any status is an answer. */
  async send(method: string, path: string, body?: object, credential = this.#credential): Promise<Answer> {
    const bytes = await this.#exchange(method, path, body, credential)
    return { status: bytes.status, text: bytes.body.toString('utf8') }
  }

  /** The JSON of an answer with status 2xx; anything else is an error. */
  async json<Result>(method: string, path: string, body?: object, credential?: string): Promise<Result> {
    const { status, text } = await this.send(method, path, body, credential)
    if (status < 200 || status > 299) throw new UnexpectedAnswer(method, path, status, text)
    return JSON.parse(text) as Result
  }

  /** The bytes below a path; null when there are none. */
  async bytes(path: string): Promise<Uint8Array | null> {
    const { status, body } = await this.#exchange('GET', path, undefined, this.#credential)
    return status === 200 ? body : null
  }

  close(): void {
    this.#agent.destroy()
  }

  #exchange(
    method: string,
    path: string,
    body: object | undefined,
    credential: string,
  ): Promise<{ status: number; body: Buffer }> {
    const text = body === undefined ? null : JSON.stringify(body)
    const headers = {
      authorization: `Bearer ${credential}`,
      ...(text === null
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
    }
    return new Promise((done, failed) => {
      const sent = request(`${this.#url}${path}`, { method, headers, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => done({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }))
        response.on('error', failed)
      })
      sent.on('error', failed)
      sent.end(text ?? '')
    })
  }
}

/** The server answered, and not with what was asked for: not a crash, but a bug. */
export class UnexpectedAnswer extends Error {
  readonly status: number
  readonly text: string

  constructor(method: string, path: string, status: number, text: string) {
    super(`${method} ${path}: ${status} ${text}`)
    this.status = status
    this.text = text
  }
}

/** A new server with its client; all of it ends after the test. */
export async function openServer(t: TestContext): Promise<{
  readonly folder: string
  readonly url: string
  readonly credentialFile: string
  readonly api: Api
}> {
  const folder = await mkdtemp(join(tmpdir(), 'keystead-e2e-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const server = launchServer(join(folder, 'data'))
  t.after(() => server.end('SIGKILL'))
  const url = await server.ready
  const credentialFile = join(folder, 'data/bootstrap-key')
  const api = new Api(url, (await readFile(credentialFile, 'utf8')).trim())
  t.after(() => api.close())
  return { folder, url, credentialFile, api }
}
