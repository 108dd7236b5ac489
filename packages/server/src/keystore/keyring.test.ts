import assert from 'node:assert/strict'
import { createHmac, hkdfSync } from 'node:crypto'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { verifyEd25519 } from '../hash.ts'
import { Secret } from '../secret.ts'
import { openKeyring } from './keyring.ts'

const keyringOf = (byte: number) => {
  using root = new Secret(new Uint8Array(32).fill(byte))
  return openKeyring(root)
}

test('the same root key always gives the same keys, and they outlive it', () => {
  const [one, other] = [keyringOf(1), keyringOf(1)]
  assert.equal(one.rowMac('row'), other.rowMac('row'))
  assert.equal(one.leafMac(Buffer.from('leaf')), other.leafMac(Buffer.from('leaf')))
  assert.deepEqual(one.commitmentSalt('subject'), other.commitmentSalt('subject'))
  assert.deepEqual(one.checkpointPublicKey, other.checkpointPublicKey)
})

test('another root key gives other keys', () => {
  const [one, other] = [keyringOf(1), keyringOf(2)]
  assert.notEqual(one.rowMac('row'), other.rowMac('row'))
  assert.notEqual(one.headMac('head'), other.headMac('head'))
  assert.notDeepEqual(one.checkpointPublicKey, other.checkpointPublicKey)
})

test('each purpose has its own key: the same bytes have four different MACs', () => {
  const keyring = keyringOf(1)
  const text = 'the same text'
  const macs = [
    keyring.rowMac(text),
    keyring.headMac(text),
    keyring.leafMac(Buffer.from(text)),
    Buffer.from(keyring.commitmentSalt(text)).toString('base64url'),
  ]
  assert.equal(new Set(macs).size, 4)
})

test('a key is HKDF-SHA-256 of the root key under its label (RFC 5869)', () => {
  const key = hkdfSync(
    'sha256',
    new Uint8Array(32).fill(1),
    new Uint8Array(0),
    'keystead/v1/row-integrity',
    32,
  )
  const expected = createHmac('sha256', Buffer.from(key)).update('row').digest('base64url')
  assert.equal(keyringOf(1).rowMac('row'), expected)
})

test('a MAC changes with every bit of what it covers', () => {
  const keyring = keyringOf(1)
  const macs = Array.from({ length: 256 }, (_, byte) => keyring.rowMac(`row ${String.fromCharCode(byte)}`))
  assert.equal(new Set(macs).size, 256)
  assert.match(macs[0] ?? '', /^[A-Za-z0-9_-]{43}$/)
})

test('a checkpoint signature holds for its message and key only', () => {
  const [one, other] = [keyringOf(1), keyringOf(2)]
  const message = Buffer.from('checkpoint')
  const signature = one.signCheckpoint(message)
  assert.equal(verifyEd25519(one.checkpointPublicKey, message, signature), true)
  assert.equal(verifyEd25519(other.checkpointPublicKey, message, signature), false)
  assert.equal(verifyEd25519(one.checkpointPublicKey, Buffer.from('checkpoinu'), signature), false)
  assert.equal(verifyEd25519(one.checkpointPublicKey.subarray(1), message, signature), false)
  assert.equal(verifyEd25519(one.checkpointPublicKey, message, signature.subarray(1)), false)
})

test('a keyring shows no key', () => {
  const seed = Buffer.from(
    hkdfSync('sha256', new Uint8Array(32).fill(1), new Uint8Array(0), 'keystead/v1/checkpoint-signature', 32),
  )
  const shown = inspect(keyringOf(1), { showHidden: true, depth: null })
  assert.ok(!shown.includes(seed.toString('hex')) && !shown.includes(seed.toString('base64url')))
})
