import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  base64Decode,
  base64Encode,
  base64UrlDecode,
  base64UrlEncode,
  concatBytes,
  equalBytes,
  hexDecode,
  hexEncode,
  utf8Decode,
  utf8Encode,
} from './bytes.ts'

const bytes = fc.uint8Array({ maxLength: 70 })

test('base64, base64url and hex agree with node:buffer and come back unchanged', () => {
  fc.assert(
    fc.property(bytes, (value) => {
      assert.equal(base64Encode(value), Buffer.from(value).toString('base64'))
      assert.equal(base64UrlEncode(value), Buffer.from(value).toString('base64url'))
      assert.equal(hexEncode(value), Buffer.from(value).toString('hex'))
      assert.deepEqual(base64Decode(base64Encode(value)), value)
      assert.deepEqual(base64UrlDecode(base64UrlEncode(value)), value)
      assert.deepEqual(hexDecode(hexEncode(value)), value)
    }),
  )
})

test('every text that base64 accepts is the one text of its bytes', () => {
  const text = fc.string({ unit: fc.constantFrom(...'AEQgw4/+-_= '), maxLength: 9 })
  fc.assert(
    fc.property(text, (value) => {
      const standard = base64Decode(value)
      if (standard !== null) assert.equal(base64Encode(standard), value)
      const urlSafe = base64UrlDecode(value)
      if (urlSafe !== null) assert.equal(base64UrlEncode(urlSafe), value)
    }),
    { numRuns: 2_000 },
  )
})

test('base64 refuses wrong padding, trailing bits, the other alphabet, spaces and other characters', () => {
  for (const text of [
    'QQ',
    'QQ=',
    'QR==',
    'QUF=',
    '=',
    '====',
    'QQ==QQ==',
    '-_==',
    'QQ ==',
    'QQ==\n',
    'é===',
  ]) {
    assert.equal(base64Decode(text), null, text)
  }
  for (const text of ['QQ==', 'QR', 'QUF', 'A', '+/AA', 'QQ ', 'QQ\n', '\u0100\u0100']) {
    assert.equal(base64UrlDecode(text), null, text)
  }
  for (const text of ['0', 'AA', '0g', ' 00']) assert.equal(hexDecode(text), null, text)
})

test('UTF-8 refuses lone surrogates, overlong forms and cut sequences, and keeps a byte order mark', () => {
  assert.throws(() => utf8Encode('\ud800'), TypeError)
  assert.equal(utf8Decode(Uint8Array.of(0xc0, 0x80)), null)
  assert.equal(utf8Decode(Uint8Array.of(0xed, 0xa0, 0x80)), null)
  assert.equal(utf8Decode(Uint8Array.of(0xe2, 0x82)), null)
  assert.equal(utf8Decode(utf8Encode('\ufeff€')), '\ufeff€')
})

test('equalBytes compares content and length', () => {
  assert.equal(equalBytes(Uint8Array.of(1, 2), concatBytes(Uint8Array.of(1), Uint8Array.of(2))), true)
  assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false)
  assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1)), false)
})
