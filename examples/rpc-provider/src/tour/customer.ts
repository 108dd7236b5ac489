import { Agent } from 'node:http'
import { type HttpAnswer, send } from '../http.ts'
import { at, parseJson } from '../json.ts'

/** What the provider answered to a customer. `code` is Keystead's, where the key was refused. */
export type ProviderAnswer = {
  readonly status: number
  readonly body: unknown
  readonly code: string | undefined
}

/** A customer's program: it knows the provider's address and an API key, nothing else. Close it to end its connections. */
export type Customer = {
  readonly rpc: (key: string, method: string, params?: readonly unknown[]) => Promise<ProviderAnswer>
  readonly market: (key: string, endpoint: string) => Promise<ProviderAnswer>
  readonly close: () => void
}

const TIMEOUT_MS = 10_000

/** A customer of the provider at `url`. Any status is an answer; rejects only when there is none. */
export function connectCustomer(url: string): Customer {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  return {
    rpc: async (key, method, params = []) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
      const headers = { authorization: `Bearer ${key}` }
      return read(await send(agent, { method: 'POST', url, headers, body, timeoutMs: TIMEOUT_MS }))
    },
    market: async (key, endpoint) => {
      const headers = { 'x-api-key': key }
      return read(
        await send(agent, {
          method: 'GET',
          url: `${url}/v1/market/${endpoint}`,
          headers,
          timeoutMs: TIMEOUT_MS,
        }),
      )
    },
    close: () => agent.destroy(),
  }
}

function read({ status, body }: HttpAnswer): ProviderAnswer {
  const parsed = parseJson(body)
  const code = at(parsed, 'error', 'data', 'code') ?? at(parsed, 'code')
  return { status, body: parsed, code: typeof code === 'string' ? code : undefined }
}
