// T-26: the client's address is what the nearest trusted proxy saw, never what the client says.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AddressRange, parseAddress, parseAddressRange } from '@keystead/protocol/address'
import { clientAddress } from './client-address.ts'

const TRUSTED: readonly AddressRange[] = ['127.0.0.0/8', '::1/128', '10.0.0.0/8'].flatMap(
  (text) => parseAddressRange(text).range ?? [],
)
const from = (peer: string | undefined, forwardedFor?: string) =>
  clientAddress(peer, forwardedFor, TRUSTED)?.join('.') ?? null
const text = (address: string) => parseAddress(address)?.join('.') ?? null

test('without a proxy it is the peer', () => {
  assert.equal(from('198.51.100.7'), text('198.51.100.7'))
})

test('what an untrusted peer says about others is not read', () => {
  assert.equal(from('198.51.100.7', '192.0.2.1'), text('198.51.100.7'))
})

test('behind trusted proxies it is the rightmost address that is none of them, however much the client puts in front', () => {
  assert.equal(from('127.0.0.1', '192.0.2.1, 198.51.100.7'), text('198.51.100.7'))
  assert.equal(from('::1', '192.0.2.1, 198.51.100.7, 10.1.2.3, 10.9.9.9'), text('198.51.100.7'))
  assert.equal(from('::ffff:127.0.0.1', '192.0.2.1,198.51.100.7'), text('198.51.100.7'))
})

test('what cannot be told is no address at all', () => {
  assert.equal(from('127.0.0.1'), null)
  assert.equal(from('127.0.0.1', '10.0.0.1'), null)
  assert.equal(from('127.0.0.1', '192.0.2.1, unknown'), null)
  assert.equal(from('127.0.0.1', '192.0.2.1, '), null)
  assert.equal(from('127.0.0.1', '198.51.100.7:4711'), null)
  assert.equal(from(undefined), null)
  assert.equal(from('127.0.0.1', Array.from({ length: 40 }, () => '10.0.0.1').join(',')), null)
})
