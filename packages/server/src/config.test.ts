import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { readConfig } from './config.ts'
import { StartError } from './errors.ts'

test('without settings it serves the standard port on loopback, from ./data', () => {
  const config = readConfig({})
  assert.deepEqual(
    [config.dataDir, config.host, config.port, config.brand, config.passphraseFile, config.guardFile],
    [resolve('data'), '127.0.0.1', 4440, 'ks', null, resolve('data/checkpoint.guard')],
  )
  assert.match(config.node, /^[!-~]{1,64}$/)
})

test('an empty setting is none', () => {
  assert.deepEqual(
    readConfig({ KEYSTEAD_PORT: '', KEYSTEAD_BRAND: '', KEYSTEAD_DATA_DIR: '' }),
    readConfig({}),
  )
})

test('every wrong setting is refused with one line that names it', () => {
  const wrong: readonly (readonly [name: string, value: string])[] = [
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '80.5'],
    ['PORT', 'http'],
    ['PORT', '0x50'],
    ['PORT', '000080'],
    ['HOST', '0.0.0.0'],
    ['HOST', '::'],
    ['HOST', '10.0.0.1'],
    ['HOST', 'example.com'],
    ['HOST', '127.0.0.1.example.com'],
    ['BRAND', 'k'],
    ['BRAND', 'k_s'],
    ['BRAND', 'Ks'],
    ['BRAND', 'abcdefghijklm'],
    ['BRAND', 'ks\n'],
    ['TLS_BY_PROXY', 'true'],
    ['NODE_NAME', 'two words'],
    ['NODE_NAME', 'x'.repeat(65)],
  ]
  for (const [name, value] of wrong) {
    assert.throws(
      () => readConfig({ [`KEYSTEAD_${name}`]: value }),
      (error: unknown) => {
        assert.ok(error instanceof StartError, `${name}=${value}`)
        assert.match(error.message, new RegExp(`^KEYSTEAD_${name} is [^\n]+$`))
        return true
      },
    )
  }
})

test('loopback in every form is served', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1'])
    assert.equal(readConfig({ KEYSTEAD_HOST: host }).host, host)
})

test('another address is served with a certificate and its key, or where a proxy is said to take TLS', () => {
  const files = { KEYSTEAD_TLS_CERT_FILE: 'server.crt', KEYSTEAD_TLS_KEY_FILE: 'server.key' }
  const config = readConfig({ ...files, KEYSTEAD_HOST: '0.0.0.0' })
  assert.equal(config.host, '0.0.0.0')
  assert.deepEqual(config.tls, { certificateFile: resolve('server.crt'), keyFile: resolve('server.key') })
  assert.equal(readConfig({ KEYSTEAD_HOST: '10.0.0.1', KEYSTEAD_TLS_BY_PROXY: 'yes' }).host, '10.0.0.1')
  assert.equal(readConfig(files).host, '127.0.0.1')
  assert.throws(() => readConfig({ ...files, KEYSTEAD_HOST: 'example.com' }), StartError)
  for (const name of Object.keys(files))
    assert.throws(() => readConfig({ ...files, [name]: '' }), /both, or none/)
})
