import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent } from 'node:http'
import { test } from 'node:test'
import type { Chain } from './chain.ts'
import { send } from './http.ts'
import { at, parseJson } from './json.ts'
import type { RpcCall } from './json-rpc.ts'
import type { Decision, Keystead } from './keystead.ts'
import type { Permission } from './methods.ts'
import { createProvider } from './provider.ts'

/** What a request got, and what Keystead and the chain were asked for it. */
type Seen = {
  readonly status: number
  readonly body: unknown
  readonly asked: readonly (Permission | undefined)[]
  readonly forwarded: readonly string[]
  readonly warnings: readonly string[]
}

type Sent = { readonly path?: string; readonly headers?: Record<string, string>; readonly body?: string }

const withKey = { 'x-api-key': 'ks_key_live_some' }
const allowed: Decision = { allowed: true, keyId: 'key_1', ownerId: 'own_1' }

function refused(code: string): Decision {
  return { allowed: false, available: true, code, reason: null }
}

function call(method: string, id = 1): object {
  return { jsonrpc: '2.0', id, method, params: [] }
}

/** Sends one request to a provider with a stand-in Keystead that decides by permission. */
async function ask(decide: (permission: Permission | undefined) => Decision, sent: Sent): Promise<Seen> {
  const asked: (Permission | undefined)[] = []
  const forwarded: string[] = []
  const warnings: string[] = []
  const keystead: Keystead = {
    verify: async (_key, permission) => {
      asked.push(permission)
      return decide(permission)
    },
    close: () => undefined,
  }
  const chain: Chain = {
    forward: async (calls: readonly RpcCall[]) => {
      forwarded.push(...calls.map(({ method }) => method))
      return calls.map(({ id, method }) => ({ jsonrpc: '2.0', id, result: method }))
    },
    close: () => undefined,
  }
  const market = { folder: '/none', symbol: 'XBT/USDT', candles: undefined, trades: [] } as const
  const server = createProvider({ keystead, chain, market, warn: (line) => void warnings.push(line) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const agent = new Agent()
  try {
    const url = `http://127.0.0.1:${address.port}${sent.path ?? '/'}`
    const method = sent.body === undefined ? 'GET' : 'POST'
    const body = sent.body === undefined ? {} : { body: sent.body }
    const answer = await send(agent, {
      method,
      url,
      headers: sent.headers ?? withKey,
      ...body,
      timeoutMs: 5_000,
    })
    return { status: answer.status, body: parseJson(answer.body), asked, forwarded, warnings }
  } finally {
    agent.destroy()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
}

test('a request without a key is refused with 401 before Keystead or the chain is asked', async () => {
  for (const headers of [
    {},
    { authorization: 'Basic eDp5' },
    { 'x-api-key': '' },
    { 'x-api-key': 'k'.repeat(257) },
  ]) {
    const seen = await ask(() => allowed, { headers, body: JSON.stringify(call('eth_call')) })
    assert.equal(seen.status, 401)
    assert.equal(at(seen.body, 'error', 'data', 'code'), 'KEY_MISSING')
    assert.deepEqual([seen.asked, seen.forwarded], [[], []])
  }
})

test('an allowed call is forwarded and answered under its own id, with the key in either header', async () => {
  for (const headers of [withKey, { authorization: 'Bearer ks_key_live_some' }]) {
    const seen = await ask(() => allowed, { headers, body: JSON.stringify(call('eth_getBalance', 42)) })
    assert.equal(seen.status, 200)
    assert.deepEqual(seen.body, { jsonrpc: '2.0', id: 42, result: 'eth_getBalance' })
    assert.deepEqual(seen.asked, ['chain:read'])
  }
})

test('a key without the permission gets 403, any other refusal 401, both with the code of Keystead', async () => {
  const codes = ['NOT_FOUND', 'EXPIRED', 'NOT_YET_ACTIVE', 'SUSPENDED', 'REVOKED', 'INSUFFICIENT_PERMISSIONS']
  for (const code of codes) {
    const seen = await ask(() => refused(code), { body: JSON.stringify(call('eth_sendRawTransaction')) })
    assert.equal(seen.status, code === 'INSUFFICIENT_PERMISSIONS' ? 403 : 401)
    assert.deepEqual(at(seen.body, 'error', 'data'), { code })
    assert.deepEqual(seen.forwarded, [])
  }
})

test('nothing is served while Keystead cannot be asked', async () => {
  const away: Decision = { allowed: false, available: false, problem: 'connect ECONNREFUSED' }
  for (const sent of [{ body: JSON.stringify(call('eth_call')) }, { path: '/v1/market/trades' }]) {
    const seen = await ask(() => away, sent)
    assert.equal(seen.status, 503)
    assert.match(JSON.stringify(seen.body), /KEYSTEAD_UNAVAILABLE/)
    assert.deepEqual(seen.forwarded, [])
    assert.match(seen.warnings.join(), /ECONNREFUSED/)
  }
})

test('a batch verifies each distinct permission once and is answered in order', async () => {
  const batch = [
    call('eth_call', 3),
    call('eth_sendRawTransaction', 1),
    call('anvil_mine', 9),
    call('eth_call', 2),
  ]
  const seen = await ask(() => allowed, { body: JSON.stringify(batch) })
  assert.deepEqual(
    seen.asked.map(String).toSorted((a, b) => a.localeCompare(b)),
    ['chain:read', 'chain:send'],
  )
  assert.deepEqual(seen.forwarded, ['eth_call', 'eth_sendRawTransaction', 'eth_call'])
  assert.ok(Array.isArray(seen.body))
  assert.deepEqual(
    seen.body.map((answer) => at(answer, 'id')),
    [3, 1, 9, 2],
  )
  assert.equal(at(seen.body[2], 'error', 'code'), -32601)
})

test('one refused permission refuses the whole batch', async () => {
  const decide = (permission: Permission | undefined): Decision =>
    permission === 'chain:send' ? refused('INSUFFICIENT_PERMISSIONS') : allowed
  const seen = await ask(decide, {
    body: JSON.stringify([call('eth_call', 1), call('eth_sendRawTransaction', 2)]),
  })
  assert.equal(seen.status, 403)
  assert.deepEqual(seen.forwarded, [])
})

test('a method that does not exist is refused with -32601, and only to a key that is valid', async () => {
  const body = JSON.stringify(call('anvil_setBalance'))
  const known = await ask(() => allowed, { body })
  assert.equal(at(known.body, 'error', 'code'), -32601)
  assert.deepEqual([known.asked, known.forwarded], [[undefined], []])
  assert.equal((await ask(() => refused('NOT_FOUND'), { body })).status, 401)
})

test('a body that is not JSON or longer than 1 MiB is refused and nothing is forwarded', async () => {
  const cases: readonly (readonly [string, number])[] = [
    ['{', 400],
    ['', 400],
    ['[]', 400],
    [JSON.stringify(call('x'.repeat(1024 * 1024))), 413],
  ]
  for (const [body, status] of cases) {
    const seen = await ask(() => allowed, { body })
    assert.equal(seen.status, status)
    assert.deepEqual(seen.forwarded, [])
  }
})

test('market data needs market:read', async () => {
  const seen = await ask(() => allowed, { path: '/v1/market/trades?limit=1' })
  assert.deepEqual([seen.status, seen.asked], [200, ['market:read']])
  const denied = await ask(() => refused('INSUFFICIENT_PERMISSIONS'), { path: '/v1/market/trades' })
  assert.deepEqual([denied.status, at(denied.body, 'code')], [403, 'INSUFFICIENT_PERMISSIONS'])
})

test('other paths and methods do not exist', async () => {
  assert.equal((await ask(() => allowed, { path: '/admin' })).status, 404)
  assert.equal((await ask(() => allowed, { path: '/' })).status, 405)
  assert.equal((await ask(() => allowed, { path: '/v1/market/trades', body: '{}' })).status, 405)
})
