import { Agent } from 'node:http'
import { send } from './http.ts'
import { isObject, parseJson } from './json.ts'
import { errorAnswer, RPC_ERRORS, type RpcAnswer, type RpcCall, type RpcError } from './json-rpc.ts'

/** The node behind the provider. Close it to end its connections. */
export type Chain = {
  readonly forward: (calls: readonly RpcCall[]) => Promise<readonly RpcAnswer[]>
  readonly close: () => void
}

const CONNECTIONS_MAX = 32
/** `eth_call` and `eth_getLogs` may compute for seconds; public providers cut at 10 to 30. */
const CALL_TIMEOUT_MS = 10_000

/**
 * A client of the JSON-RPC node at `url`. `forward` sends calls whose permission has been verified, as one batch under
 * numbers of its own, and returns their answers in order with the clients' ids. When the node cannot be asked, or leaves
 * a call without an answer, that call's answer is an error -32002; it never throws.
 */
export function connectChain(url: string): Chain {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX })
  return {
    forward: async (calls) => {
      const body = JSON.stringify(
        calls.map((call, id) => ({ jsonrpc: '2.0', id, method: call.method, params: call.params })),
      )
      try {
        const answer = await send(agent, { method: 'POST', url, body, timeoutMs: CALL_TIMEOUT_MS })
        return matchAnswers(calls, parseJson(answer.body))
      } catch {
        return matchAnswers(calls, undefined)
      }
    },
    close: () => agent.destroy(),
  }
}

/** Puts a node's batch answer into the order of the calls and gives each the id that its client chose. */
export function matchAnswers(calls: readonly RpcCall[], body: unknown): readonly RpcAnswer[] {
  const found = new Map<unknown, RpcAnswer>()
  for (const item of Array.isArray(body) ? body : []) {
    if (!isObject(item)) continue
    const call = typeof item['id'] === 'number' ? calls[item['id']] : undefined
    if (call === undefined) continue
    const error = readError(item['error'])
    if (error !== undefined) found.set(item['id'], errorAnswer(call.id, error))
    else if ('result' in item) found.set(item['id'], { jsonrpc: '2.0', id: call.id, result: item['result'] })
  }
  const missing: RpcError = { code: RPC_ERRORS.unavailable, message: 'the chain does not answer' }
  return calls.map((call, index) => found.get(index) ?? errorAnswer(call.id, missing))
}

function readError(value: unknown): RpcError | undefined {
  if (!isObject(value) || typeof value['code'] !== 'number' || typeof value['message'] !== 'string')
    return undefined
  const error: RpcError = { code: value['code'], message: value['message'] }
  return 'data' in value ? { ...error, data: value['data'] } : error
}
