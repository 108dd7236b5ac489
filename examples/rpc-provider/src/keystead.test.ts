import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { connectKeystead, readDecision } from './keystead.ts'

const valid = { code: 'VALID', valid: true, keyId: 'key_1', ownerId: 'own_1', position: 1, ageMs: 0 }

test('a VALID answer lets the call through', () => {
  assert.deepEqual(readDecision(200, valid), { allowed: true, keyId: 'key_1', ownerId: 'own_1' })
})

test('a refusal carries the code and the reason', () => {
  const answer = { code: 'REVOKED', valid: false, reason: 'keyCompromise' }
  assert.deepEqual(readDecision(200, answer), {
    allowed: false,
    available: true,
    code: 'REVOKED',
    reason: 'keyCompromise',
  })
})

test('whatever is not a clear decision counts as "could not be asked"', () => {
  const unclear: readonly (readonly [number, unknown])[] = [
    [401, { code: 'access.unauthenticated' }],
    [500, valid],
    [200, undefined],
    [200, []],
    [200, { ...valid, valid: 'true' }],
    [200, { ...valid, valid: false }],
    [200, { ...valid, code: 'REVOKED' }],
    [200, { code: 'VALID', valid: true }],
  ]
  for (const [status, body] of unclear) {
    const decision = readDecision(status, body)
    assert.ok(!decision.allowed && !decision.available, JSON.stringify(body))
  }
})

test('a key is not allowed while Keystead is away', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  server.close()
  await once(server, 'close')
  const keystead = connectKeystead(`http://127.0.0.1:${address.port}`, 'ks_root_live_none')
  const decision = await keystead.verify('ks_key_live_none', 'chain:read')
  keystead.close()
  assert.ok(!decision.allowed && !decision.available)
  assert.match(decision.problem, /ECONNREFUSED/)
})
