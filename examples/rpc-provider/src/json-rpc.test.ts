import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BATCH_CALLS_MAX, neededPermissions, readRequest, refuseAll, type RpcRequest } from './json-rpc.ts'
import { METHOD_PERMISSIONS } from './methods.ts'

function call(method: string, id: unknown = 1): object {
  return { jsonrpc: '2.0', id, method, params: [] }
}

function request(body: unknown): RpcRequest {
  const read = readRequest(body)
  assert.ok('calls' in read)
  return read
}

function errorCodes(read: RpcRequest): readonly (number | undefined)[] {
  return read.calls.map((each) => ('error' in each ? each.error.code : undefined))
}

test('only eth_sendRawTransaction needs chain:send', () => {
  const senders = [...METHOD_PERMISSIONS].filter(([, permission]) => permission === 'chain:send')
  assert.deepEqual(senders, [['eth_sendRawTransaction', 'chain:send']])
})

test('methods that administrate the node or use its accounts do not exist', () => {
  const methods = [
    'anvil_setBalance',
    'admin_addPeer',
    'debug_traceCall',
    'eth_sendTransaction',
    'eth_sign',
    'eth_accounts',
  ]
  for (const method of [...methods, 'toString', '__proto__', '']) {
    assert.deepEqual(errorCodes(request(call(method))), [-32601], method)
  }
})

test('a batch of 100 calls is read and one of 101 is refused as a whole', () => {
  const calls = Array.from({ length: BATCH_CALLS_MAX + 1 }, (_, id) => call('eth_blockNumber', id))
  assert.equal(request(calls.slice(1)).calls.length, 100)
  assert.ok('code' in readRequest(calls))
})

test('an empty batch and a body that is neither object nor array are refused as a whole', () => {
  for (const body of [[], null, 1, 'eth_blockNumber', true]) assert.ok('code' in readRequest(body))
})

test('a bad call spoils only itself', () => {
  const batch = [
    call('eth_blockNumber'),
    7,
    { ...call('eth_call'), jsonrpc: '1.0' },
    { ...call('eth_call'), params: 'x' },
  ]
  assert.deepEqual(errorCodes(request(batch)), [undefined, -32600, -32600, -32600])
})

test('parameters nested deeper than 32 levels are refused', () => {
  const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))
  assert.deepEqual(errorCodes(request({ ...call('eth_call'), params: nested(32) })), [undefined])
  for (const levels of [33, 200_000]) {
    assert.deepEqual(errorCodes(request({ ...call('eth_call'), params: nested(levels) })), [-32600])
  }
})

test('a call without an id, or with one that is neither string nor number, is refused', () => {
  for (const id of [null, {}, [], true]) assert.deepEqual(errorCodes(request(call('eth_call', id))), [-32600])
  assert.deepEqual(errorCodes(request({ jsonrpc: '2.0', method: 'eth_call' })), [-32600])
})

test('a batch needs each distinct permission once', () => {
  const batch = [call('eth_call'), call('eth_sendRawTransaction'), call('eth_getBalance'), call('anvil_mine')]
  assert.deepEqual(neededPermissions(request(batch)), ['chain:read', 'chain:send'])
})

test('a refused batch answers every call under its own id, a refused single request one object', () => {
  const error = { code: 4100, message: 'refused' }
  const batch = request([call('eth_call', 'a'), call('eth_call', 2)])
  assert.deepEqual(refuseAll(batch, error), [
    { jsonrpc: '2.0', id: 'a', error },
    { jsonrpc: '2.0', id: 2, error },
  ])
  assert.deepEqual(refuseAll(request(call('eth_call', 3)), error), { jsonrpc: '2.0', id: 3, error })
})
