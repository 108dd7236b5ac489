// What arrives on the wire and is no proper HTTP request: RFC 9112, and the shapes of request smuggling.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aKey } from '../keys/keys.test-support.ts'
import { type Api, failure, openApi } from './api.test-support.ts'

const BODY = '{"name":"smuggled"}'

function head(api: Api, line: string, ...fields: readonly string[]): string {
  const own = ['host: x', `authorization: Bearer ${api.world.bootstrap}`, 'content-type: application/json']
  return `${[line, ...own, ...fields].join('\r\n')}\r\n\r\n`
}

/** The statuses of all answers in what came back, and the codes of the problems. */
function answersIn(text: string): { statuses: number[]; codes: string[] } {
  return {
    statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1])),
    codes: [...text.matchAll(/"code":"([a-z_.]+)"/g)].map((match) => match[1] ?? ''),
  }
}

function wire(name: string, run: (api: Api) => Promise<void>): void {
  test(name, async (t) => {
    const api = await openApi(t)
    const { size } = api.world.store.head()
    await run(api)
    assert.equal(api.world.store.head().size, size, 'nothing was changed')
    assert.equal((await api.call('GET', '/v1/projects')).status, 200)
  })
}

wire('bytes that are no HTTP are refused with a problem, and the connection is closed', async (api) => {
  const garbage = [
    'hello\r\n\r\n',
    '\0\0\0\0\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'GET /v1/projects HTTP/9.9\r\n\r\n',
    'NONSENSE /v1/projects HTTP/1.1\r\nhost: x\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'GET /v1/projects HTTP/1.1\r\nhost: x\r\nbad header: x\r\n\r\n',
    'GET /v1/projects HTTP/1.1\r\nhost: x\r\nx-name: a\0b\r\n\r\n',
  ]
  for (const bytes of garbage) {
    const { statuses, codes } = answersIn(await api.exchange(bytes))
    assert.deepEqual([statuses, codes], [[400], ['request.malformed']], JSON.stringify(bytes))
  }
})

wire(
  'a request whose length can be read in two ways is refused, and what follows it is never a request',
  async (api) => {
    const second = `POST /v1/projects HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${api.world.bootstrap}\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`
    const lengths: Readonly<Record<string, readonly string[]>> = {
      'length and chunks': ['content-length: 5', 'transfer-encoding: chunked'],
      'chunks and length': ['transfer-encoding: chunked', 'content-length: 5'],
      'two lengths': ['content-length: 5', 'content-length: 6'],
      'the same length twice': ['content-length: 5', 'content-length: 5'],
      'two lengths in one field': ['content-length: 5, 6'],
      'a negative length': ['content-length: -1'],
      'a length with a sign': ['content-length: +5'],
      'a hexadecimal length': ['content-length: 0x5'],
      'another coding': ['transfer-encoding: gzip'],
      'chunks that are not last': ['transfer-encoding: chunked, identity'],
      'an obscured coding': ['transfer-encoding: xchunked'],
      'a space before the colon': ['transfer-encoding : chunked'],
      'a folded field': ['transfer-encoding:', ' chunked'],
      'two codings': ['transfer-encoding: chunked', 'transfer-encoding: identity'],
    }
    for (const path of ['/v1/projects', '/v1/keys:verify']) {
      for (const [what, fields] of Object.entries(lengths)) {
        const text = await api.exchange(`${head(api, `POST ${path} HTTP/1.1`, ...fields)}0\r\n\r\n${second}`)
        const { statuses } = answersIn(text)
        assert.equal(statuses.length, 1, `${path}: ${what}: ${text}`)
        assert.ok((statuses[0] ?? 0) >= 400, `${path}: ${what}: ${text}`)
      }
    }
  },
)

wire('malformed chunks are refused', async (api) => {
  for (const chunks of [
    'zz\r\nhello\r\n0\r\n\r\n',
    '5\r\nhelloo\r\n0\r\n\r\n',
    'ffffffffffffffffff\r\nx',
    '-1\r\n\r\n',
  ]) {
    const text = await api.exchange(
      `${head(api, 'POST /v1/projects HTTP/1.1', 'transfer-encoding: chunked')}${chunks}`,
    )
    assert.deepEqual(answersIn(text).statuses, [400], `${chunks}: ${text}`)
  }
})

wire('header fields beyond their bounds are refused, never read in part', async (api) => {
  const huge = await api.call('GET', '/v1/projects', { headers: { 'x-huge': 'x'.repeat(20_000) } })
  assert.deepEqual(failure(huge), [431, 'request.headers'])
  // Node would drop what exceeds the count, such as the permission that a gateway asks for.
  const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`x-${i}`, '1']))
  for (const path of ['/v1/projects', '/v1/authorize', '/livez']) {
    const answer = await api.call('GET', path, { headers: many })
    assert.deepEqual(failure(answer), [431, 'request.headers'], path)
  }
})

test('a permission that comes after many other fields is not lost', async (t) => {
  const api = await openApi(t)
  const { secret } = await aKey(api.world)
  const gateway = await api.rootKey(['keys:verify'])
  for (const count of [40, 57, 58, 59, 60, 61, 62, 63, 64, 100]) {
    const fields = [
      `x-keystead-caller: ${gateway}`,
      `x-api-key: ${secret.reveal()}`,
      ...Array.from({ length: count }, (_, i) => `x-${i}: 1`),
      'connection: close',
      'x-keystead-permission: funds:withdraw',
    ]
    const text = await api.exchange(`GET /v1/authorize HTTP/1.1\r\nhost: x\r\n${fields.join('\r\n')}\r\n\r\n`)
    assert.ok(!answersIn(text).statuses.includes(200), `${count} fields: ${text}`)
  }
})

wire('a request without a host, or with two, is refused', async (api) => {
  for (const fields of ['', 'host: a\r\nhost: b\r\n']) {
    const text = await api.exchange(`GET /v1/projects HTTP/1.1\r\n${fields}connection: close\r\n\r\n`)
    assert.ok(
      answersIn(text).statuses.every((status) => status >= 400),
      text,
    )
  }
})

wire('methods and targets that only proxies take are refused', async (api) => {
  const lines = ['CONNECT example.com:443 HTTP/1.1', 'OPTIONS * HTTP/1.1', 'GET //v1/projects HTTP/1.1']
  for (const line of lines) {
    const { statuses } = answersIn(await api.exchange(head(api, line, 'connection: close')))
    assert.ok(
      statuses.every((status) => status >= 400),
      line,
    )
  }
})

test('chunked bodies, and bodies in many packets, are read whole', async (t) => {
  const api = await openApi(t)
  const { secret } = await aKey(api.world)
  const verifier = await api.rootKey(['keys:verify'])
  const body = JSON.stringify({ key: secret.reveal(), permission: 'market:read' })
  const fields = `host: x\r\nauthorization: Bearer ${verifier}\r\ncontent-type: application/json\r\nconnection: close\r\n`
  const chunked = [...body].map((character) => `1\r\n${character}\r\n`)
  const head = `POST /v1/keys:verify HTTP/1.1\r\n${fields}`
  const answers = [
    await api.exchange(`${head}transfer-encoding: chunked\r\n\r\n`, ...chunked, '0\r\n\r\n'),
    await api.exchange(...`${head}content-length: ${body.length}\r\n\r\n${body}`),
  ]
  for (const text of answers) assert.match(text, /^HTTP\/1\.1 200 .*"code":"VALID"/s)
})

test('pipelined requests are each answered, in their order', async (t) => {
  const api = await openApi(t)
  const verifier = await api.rootKey(['keys:verify'])
  const { secret } = await aKey(api.world)
  const one = (key: string): string => {
    const body = JSON.stringify({ key })
    return `POST /v1/keys:verify HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${verifier}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  }
  const live = 'GET /livez HTTP/1.1\r\nhost: x\r\n\r\n'
  const last = 'GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'
  const text = await api.exchange(one(secret.reveal()) + live + one('unknown') + last)
  assert.deepEqual(answersIn(text).statuses, [200, 200, 200, 200])
  assert.ok(text.indexOf('"VALID"') < text.indexOf('"NOT_FOUND"'))
})

wire('a client that leaves in the middle of its request does no harm', async (api) => {
  const { connect } = await import('node:net')
  for (const bytes of [
    'GET /v1/pro',
    `${head(api, 'POST /v1/projects HTTP/1.1', 'content-length: 500')}{"name":`,
    `${head(api, 'POST /v1/keys:verify HTTP/1.1', 'content-length: 500')}{"key":`,
  ]) {
    await new Promise<void>((resolve) => {
      const socket = connect({ port: api.port, host: '127.0.0.1' }, () => {
        socket.write(bytes, () => socket.destroy())
      })
      socket.on('close', () => resolve())
    })
  }
})
