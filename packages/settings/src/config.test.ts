import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Environment, readConfig } from './config.ts'
import { describeProblem } from './problem.ts'
import { renderExample } from './reference.ts'
import { SETTINGS } from './setting.ts'

const read = (text: string | null, environment: Environment = {}) =>
  readConfig({
    environment,
    file: text === null ? null : { path: '/etc/keystead/keystead.yaml', text },
    hostname: 'a host',
  })
const config = (text: string | null, environment: Environment = {}) => {
  const { config: made, problems } = read(text, environment)
  assert.deepEqual(problems, [])
  assert.ok(made)
  return made
}
const problems = (text: string | null, environment: Environment = {}) => {
  const { config: made, problems: found } = read(text, environment)
  assert.equal(made, null)
  return found.map(describeProblem)
}

test('without settings it serves the standard port on loopback, from ./data', () => {
  for (const text of [null, '', '# nothing\n', 'listen:\n', 'listen:\n  port:\n']) {
    const { dataDir, host, port, brand, passphraseFile, guardFile, node, trustedProxies } = config(text)
    assert.deepEqual(
      [dataDir, host, port, brand, passphraseFile, guardFile, node],
      [resolve('data'), '127.0.0.1', 4440, 'ks', null, resolve('data/checkpoint.guard'), 'a-host'],
    )
    assert.equal(trustedProxies.length, 2)
  }
})

const WHOLE = `
dataDir: data
listen: { host: 10.0.0.1, port: 4441 }
tls:
  certificateFile: tls.crt
  keyFile: /keys/tls.key
seal:
  passphraseFile: ../passphrase
database:
  urlFile: url
guardFile: /guard/file
brand: acme
nodeName: one
trustedProxies: [10.0.0.0/8, "::1"]
`

test('every setting of a file is taken, paths from its folder', () => {
  const { trustedProxies, ...rest } = config(WHOLE)
  assert.equal(trustedProxies.length, 2)
  assert.deepEqual(rest, {
    dataDir: '/etc/keystead/data',
    host: '10.0.0.1',
    port: 4441,
    tls: { certificateFile: '/etc/keystead/tls.crt', keyFile: '/keys/tls.key' },
    brand: 'acme',
    passphraseFile: '/etc/passphrase',
    databaseUrlFile: '/etc/keystead/url',
    guardFile: '/guard/file',
    node: 'one',
  })
})

test('a variable has the last word, an empty one is none, and it is said who has set what', () => {
  const environment = { KEYSTEAD_PORT: '1', KEYSTEAD_BRAND: '', KEYSTEAD_GUARD_FILE: 'here' }
  const { port, brand, guardFile } = config(WHOLE, environment)
  assert.deepEqual([port, brand, guardFile], [1, 'acme', resolve('here')])
  const { effective } = read(WHOLE, environment)
  assert.deepEqual(
    effective.map(({ setting }) => setting.name),
    SETTINGS.map(({ name }) => name),
  )
  const source = (name: string) => effective.find(({ setting }) => setting.name === name)?.source
  assert.deepEqual(source('listen.port'), { variable: 'KEYSTEAD_PORT' })
  assert.deepEqual(source('brand'), { file: '/etc/keystead/keystead.yaml', line: 12, column: 8 })
  assert.equal(source('tls.byProxy'), null)
})

test('each wrong line of a file is named with its place, all of them at once', () => {
  const at = (line: number, column: number) => `/etc/keystead/keystead.yaml:${line}:${column}: `
  assert.deepEqual(
    problems(
      [
        'listen:',
        '  host: example.com',
        '  port: "4440"',
        'brand: Acme',
        'nodName: one',
        'database:',
        '  url: postgres://a:b@c/d',
        'trustedProxies: [10.0.0.1/8]',
        'seal: yes',
        'dataDir: [a]',
        'lissten: {}',
      ].join('\n'),
    ),
    [
      `${at(5, 1)}there is no setting nodName: is nodeName meant?`,
      `${at(7, 3)}there is no database.url: a secret is never in here, database.urlFile names the file with it`,
      `${at(9, 7)}seal takes settings by their names, one a line`,
      `${at(11, 1)}there is no setting lissten: is listen meant?`,
      `${at(10, 10)}dataDir is ["a"]: it takes the path of a file or folder`,
      `${at(2, 9)}listen.host is "example.com": it takes an IPv4 or IPv6 address, or localhost`,
      `${at(3, 9)}listen.port is "4440": it takes a whole number from 0 to 65535`,
      `${at(4, 8)}brand is "Acme": it takes 2 to 12 of a-z and 0-9, a letter first`,
      `${at(8, 17)}trustedProxies is ["10.0.0.1/8"]: "10.0.0.1/8" has bits beyond its prefix: write 10.0.0.0/8, or the single address; it takes addresses and ranges`,
    ],
  )
})

test('what is no YAML, or has tricks in it, is refused with its line', () => {
  for (const [text, place] of [
    ['listen: {', /keystead\.yaml:1:\d+: /],
    ['brand: a1\nbrand: b1', /keystead\.yaml:2:1: map keys must be unique/],
    ['a: &x 1\nbrand: *x', /keystead\.yaml:\d:/],
    ['brand: !!binary aGk=', /keystead\.yaml:1:/],
    ['- brand', /keystead\.yaml:1:1: the file takes settings by their names/],
    ['brand: ks\n---\nbrand: ks', /keystead\.yaml:\d:/],
    [`# ${'x'.repeat(70_000)}`, /larger than 65536 bytes/],
  ] as const)
    assert.match(problems(text).join('\n'), place, text.slice(0, 40))
})

test('every wrong variable is refused with one line that names it', () => {
  for (const [name, value] of [
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
    ['BRAND', 'abcdefghijklm'],
    ['BRAND', 'ks\n'],
    ['TLS_BY_PROXY', 'maybe'],
    ['NODE_NAME', 'two words'],
    ['NODE_NAME', 'x'.repeat(65)],
    ['TRUSTED_PROXIES', '10.0.0.0/8,x'],
    ['DATA_DIR', 'a\0b'],
  ] as const) {
    const found = problems(null, { [`KEYSTEAD_${name}`]: value })
    assert.equal(found.length, 1, name)
    assert.match(found[0] ?? '', new RegExp(`^KEYSTEAD_${name} is [^\n]+$`))
  }
})

test('only loopback is served, unless there is TLS or a proxy is said to take it', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1'])
    assert.equal(config(null, { KEYSTEAD_HOST: host }).host, host)
  const files = { KEYSTEAD_TLS_CERT_FILE: 'server.crt', KEYSTEAD_TLS_KEY_FILE: 'server.key' }
  const made = config(null, { ...files, KEYSTEAD_HOST: '0.0.0.0' })
  assert.deepEqual(made.tls, { certificateFile: resolve('server.crt'), keyFile: resolve('server.key') })
  assert.equal(config(null, { KEYSTEAD_HOST: '::', KEYSTEAD_TLS_BY_PROXY: 'yes' }).host, '::')
  for (const text of ['no', 'false'])
    assert.equal(problems(null, { KEYSTEAD_HOST: '::', KEYSTEAD_TLS_BY_PROXY: text }).length, 1)
  for (const name of Object.keys(files)) assert.equal(problems(null, { ...files, [name]: '' }).length, 1)
})

test('the example is right as it is, and with every setting in it', () => {
  assert.ok(config(renderExample()))
  const whole = renderExample().replaceAll(/#(\w+: )/g, '$1')
  const { effective } = read(whole)
  assert.deepEqual(
    effective.filter(({ value }) => value === null).map(({ setting }) => setting.name),
    [],
  )
  assert.ok(config(whole))
})

test('whatever a file or a variable holds, reading it ends in a configuration or in problems with their places', () => {
  const word = fc.constantFrom(...SETTINGS.flatMap(({ name }) => name.split('.')), 'x')
  const text = fc.oneof(
    fc.string(),
    fc
      .array(fc.tuple(word, fc.constantFrom(': ', ':\n  ', ' ', ': [', ': {', ': &a '), fc.string()))
      .map((lines) => lines.map((parts) => parts.join('')).join('\n')),
  )
  fc.assert(
    fc.property(
      text,
      fc.dictionary(fc.constantFrom(...SETTINGS.map(({ variable }) => variable)), fc.string()),
      (file, variables) => {
        const { config: made, problems: found } = read(file, variables)
        assert.equal(made === null, found.length > 0)
        for (const problem of found)
          assert.match(describeProblem(problem), /^(KEYSTEAD_|\/etc\/keystead\/keystead\.yaml:\d+:\d+: )/)
      },
    ),
    { numRuns: 500 },
  )
})
