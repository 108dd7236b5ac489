import { Agent } from 'node:http'
import { send } from '../http.ts'
import { at, parseJson, stringAt } from '../json.ts'

/** Keystead's API with one operator's root key. Close it to end its connections. */
export type Operator = {
  readonly get: (path: string) => Promise<unknown>
  readonly text: (path: string) => Promise<string>
  readonly post: (path: string, body: object) => Promise<unknown>
  readonly close: () => void
}

/** A key as the tour shows it: what was returned once, and what may be printed. */
export type IssuedKey = { readonly id: string; readonly secret: string; readonly shown: string }

const TIMEOUT_MS = 10_000

/** A client of the API at `url`. Every call rejects, with Keystead's code and sentence, unless the answer is a 2xx. */
export function connectOperator(url: string, rootKey: string): Operator {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  const headers = { authorization: `Bearer ${rootKey}` }
  const call = async (method: 'GET' | 'POST', path: string, body?: object): Promise<Buffer> => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const repeatable = method === 'GET'
    const answer = await send(agent, {
      method,
      url: `${url}${path}`,
      headers,
      ...sent,
      timeoutMs: TIMEOUT_MS,
      repeatable,
    })
    if (answer.status >= 200 && answer.status < 300) return answer.body
    throw new Error(`${method} ${path} answered ${answer.status} ${describeProblem(parseJson(answer.body))}`)
  }
  return {
    get: async (path) => parseJson(await call('GET', path)),
    text: async (path) => (await call('GET', path)).toString('utf8'),
    post: async (path, body) => parseJson(await call('POST', path, body)),
    close: () => agent.destroy(),
  }
}

/** Code, sentence and field errors of an RFC 9457 problem, as far as they are there. */
function describeProblem(problem: unknown): string {
  const errors = at(problem, 'errors')
  const fields = Array.isArray(errors)
    ? errors.map((error) => `${String(at(error, 'path'))} ${String(at(error, 'message'))}`)
    : []
  return [at(problem, 'code'), at(problem, 'detail'), ...fields]
    .filter((part) => typeof part === 'string')
    .join(': ')
}

/** Reads the answer of an operation that returns a key's secret once. */
export function readIssued(answer: unknown): IssuedKey {
  const secret = stringAt(answer, 'secret')
  // Brand, kind, environment and locator are public; what follows the last underscore is the secret and its checksum.
  const shown = `${secret.slice(0, secret.lastIndexOf('_') + 1)}...`
  return { id: stringAt(answer, 'key', 'id'), secret, shown }
}
