// JSON-RPC 2.0 (https://www.jsonrpc.org/specification), with the error codes of EIP-1474 and EIP-1193.
import { isObject } from './json.ts'
import { METHOD_PERMISSIONS, type Permission } from './methods.ts'

/** Bounds the work of one HTTP request; common public providers allow 100 to 1,000 calls a batch. */
export const BATCH_CALLS_MAX = 100

/** State overrides and access lists nest four or five levels; far deeper parameters only exhaust somebody's stack. */
const PARAMS_DEPTH_MAX = 32

export const RPC_ERRORS = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  /** EIP-1474 "resource unavailable": the chain or Keystead cannot be asked. */
  unavailable: -32002,
  /** EIP-1193 "unauthorized": the key was refused. */
  unauthorized: 4100,
} as const

export type RpcId = string | number | null

/** A call that may be forwarded once `permission` has been verified. */
export type RpcCall = {
  readonly id: RpcId
  readonly method: string
  readonly params: unknown
  readonly permission: Permission
}

/** A call that gets this error and is never forwarded. */
type RpcReject = { readonly id: RpcId; readonly error: RpcError }

export type RpcError = { readonly code: number; readonly message: string; readonly data?: unknown }

/** One answer. `result` and `error` exclude each other. */
export type RpcAnswer =
  | { readonly jsonrpc: '2.0'; readonly id: RpcId; readonly result: unknown }
  | { readonly jsonrpc: '2.0'; readonly id: RpcId; readonly error: RpcError }

/** What a request body asks for: its calls in order, and whether the answer must be an array. */
export type RpcRequest = { readonly batch: boolean; readonly calls: readonly (RpcCall | RpcReject)[] }

/**
 * Reads a parsed body as a single request or a batch of 1 to 100. Returns an error for the body as a whole (not an
 * object, an empty or too long batch); a bad or unknown call inside a batch only spoils itself. Permissions are looked
 * up, not verified.
 */
export function readRequest(body: unknown): RpcRequest | RpcError {
  if (!Array.isArray(body)) {
    if (!isObject(body))
      return { code: RPC_ERRORS.invalidRequest, message: 'the body must be an object or an array' }
    return { batch: false, calls: [readCall(body)] }
  }
  if (body.length === 0) return { code: RPC_ERRORS.invalidRequest, message: 'the batch is empty' }
  if (body.length > BATCH_CALLS_MAX) {
    return { code: RPC_ERRORS.invalidRequest, message: `a batch holds at most ${BATCH_CALLS_MAX} calls` }
  }
  return { batch: true, calls: body.map(readCall) }
}

/** The distinct permissions that all callable calls need together. Empty when none can be called. */
export function neededPermissions(request: RpcRequest): readonly Permission[] {
  const needed = new Set<Permission>()
  for (const call of request.calls) if ('method' in call) needed.add(call.permission)
  return [...needed]
}

/** An error answer for every call of the request, in the shape (single or array) that the client expects. */
export function refuseAll(request: RpcRequest, error: RpcError): RpcAnswer | readonly RpcAnswer[] {
  const answers = request.calls.map((call) => errorAnswer(call.id, error))
  return request.batch ? answers : (answers[0] ?? errorAnswer(null, error))
}

/** An error answer for one call. */
export function errorAnswer(id: RpcId, error: RpcError): RpcAnswer {
  return { jsonrpc: '2.0', id, error }
}

function readCall(value: unknown): RpcCall | RpcReject {
  if (!isObject(value)) return reject(null, RPC_ERRORS.invalidRequest, 'a call must be an object')
  const id = value['id']
  if (typeof id !== 'string' && typeof id !== 'number') {
    return reject(null, RPC_ERRORS.invalidRequest, 'id must be a string or a number')
  }
  const { jsonrpc, method, params = [] } = value
  if (jsonrpc !== '2.0') return reject(id, RPC_ERRORS.invalidRequest, 'jsonrpc must be "2.0"')
  if (typeof method !== 'string') return reject(id, RPC_ERRORS.invalidRequest, 'method must be a string')
  if (!Array.isArray(params) && !isObject(params)) {
    return reject(id, RPC_ERRORS.invalidRequest, 'params must be an array or an object')
  }
  if (isDeeperThan(params, PARAMS_DEPTH_MAX))
    return reject(id, RPC_ERRORS.invalidRequest, 'params are nested too deep')
  const permission = METHOD_PERMISSIONS.get(method)
  if (permission === undefined) return reject(id, RPC_ERRORS.methodNotFound, 'the method does not exist')
  return { id, method, params, permission }
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1))
}

function reject(id: RpcId, code: number, message: string): RpcReject {
  return { id, error: { code, message } }
}
