// What bad input gets: a problem with a stable code, nothing changed, and a server that goes on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aKey, anOwner } from '../keys/keys.test-support.ts'
import { type Api, type CallOptions, failure, openApi } from './api.test-support.ts'

/** Runs with the API; afterwards the log has not grown and the server still serves. */
function harmless(name: string, run: (api: Api) => Promise<void>): void {
  test(name, async (t) => {
    const api = await openApi(t)
    const { size } = api.world.store.head()
    await run(api)
    assert.equal(api.world.store.head().size, size, 'nothing was changed')
    assert.equal((await api.call('GET', '/livez', { credential: null })).status, 200)
    assert.equal((await api.call('GET', '/v1/projects')).status, 200)
  })
}

const MALFORMED: Readonly<Record<string, string | Uint8Array>> = {
  'no JSON': 'hello',
  'an open object': '{"name":"x"',
  'a trailing comma': '{"name":"x",}',
  'a comment': '{"name":"x"/**/}',
  'two values': '{"name":"x"}{}',
  'single quotes': "{'name':'x'}",
  'a number that JSON does not have': '{"name":NaN}',
  'an empty body': '',
  'white space': '   ',
  'a byte order mark': '\uFEFF{"name":"x"}',
  'a name that occurs twice': '{"name":"x","name":"y"}',
  'a name that occurs twice, once escaped': '{"name":"x","n\\u0061me":"y"}',
  'a name that occurs twice in a nested object': '{"name":{"a":1,"a":2}}',
  'an overlong UTF-8 form': Buffer.concat([
    Buffer.from('{"name":"'),
    Buffer.from([0xc0, 0xaf]),
    Buffer.from('"}'),
  ]),
  'a cut UTF-8 sequence': Buffer.concat([
    Buffer.from('{"name":"'),
    Buffer.from([0xe2, 0x82]),
    Buffer.from('"}'),
  ]),
  'a surrogate in UTF-8': Buffer.concat([
    Buffer.from('{"name":"'),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from('"}'),
  ]),
  'UTF-16': Buffer.from('{"name":"x"}', 'utf16le'),
  'a raw NUL': '{"name":"a\0b"}',
  'an escaped NUL': '{"name":"a\\u0000b"}',
  'an escaped lone surrogate': '{"name":"\\ud800"}',
  'an escaped lone surrogate in a field name': '{"\\udc00":1}',
  '10,000 nested arrays': '['.repeat(10_000) + ']'.repeat(10_000),
  '10,000 nested objects': `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
  '10,000 open brackets': '['.repeat(10_000),
  '17 levels': `{"name":${'['.repeat(16)}${']'.repeat(16)}}`,
}

harmless('a body that is not strict JSON is malformed, for both parsers', async (api) => {
  for (const [what, raw] of Object.entries(MALFORMED)) {
    assert.deepEqual(
      failure(await api.call('POST', '/v1/projects', { raw })),
      [400, 'request.malformed'],
      what,
    )
    if (raw.length > 4_096) continue
    const answer = await api.call('POST', '/v1/keys:verify', { raw })
    assert.deepEqual(failure(answer), [400, 'request.malformed'], `verify: ${what}`)
  }
})

harmless('an escaped backslash before u0000 is no NUL', async (api) => {
  const answer = await api.call('POST', '/v1/projects', { raw: '{"nome":"\\\\u0000"}' })
  assert.deepEqual(failure(answer), [400, 'request.invalid'])
})

harmless('a field that is wrong, missing or unknown is named', async (api) => {
  const cases: readonly (readonly [body: unknown, path: string])[] = [
    [{}, '/body/name'],
    [{ name: 1 }, '/body/name'],
    [{ name: null }, '/body/name'],
    [{ name: ['x'] }, '/body/name'],
    [{ name: 'x'.repeat(201) }, '/body/name'],
    [{ name: 'a\u001bb' }, '/body/name'],
    [{ name: 'a\nb' }, '/body/name'],
    [{ name: 'x', color: 'red' }, '/body/color'],
    [{ name: 'x', Name: 'y' }, '/body/Name'],
    [{ name: 'x', constructor: 1 }, '/body/constructor'],
  ]
  for (const [body, path] of cases) {
    const answer = await api.call('POST', '/v1/projects', { body })
    assert.deepEqual(failure(answer), [400, 'request.invalid'], JSON.stringify(body))
    const paths = (answer.json['errors'] as unknown as { path: string }[]).map((error) => error.path)
    assert.ok(paths.includes(path), `${paths.join(' ')} names ${path}`)
  }
})

harmless('a body that is no object is refused', async (api) => {
  const paths = ['/v1/projects', '/v1/owners', '/v1/keys', '/v1/root-keys', '/v1/keys:verify']
  for (const path of paths) {
    for (const raw of ['null', '[]', '"x"', '1', 'true', '[{"name":"x"}]'])
      assert.deepEqual(
        failure(await api.call('POST', path, { raw })),
        [400, 'request.invalid'],
        `${path} ${raw}`,
      )
  }
})

test('a body of null is not taken for an empty one', async (t) => {
  const api = await openApi(t)
  const { key } = await aKey(api.world)
  const answer = await api.call('POST', `/v1/keys/${key.id}/revoke`, { raw: 'null' })
  assert.deepEqual(failure(answer), [400, 'request.invalid'])
  assert.equal((await api.call('POST', `/v1/keys/${key.id}/revoke`)).status, 200)
})

harmless(
  '__proto__, constructor and prototype are unknown fields like any other, and pollute nothing',
  async (api) => {
    for (const name of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
      for (const raw of [`{"name":"x","${name}":{"polluted":1}}`, `{"${name}":{"name":"x"}}`]) {
        const answer = await api.call('POST', '/v1/projects', { raw })
        assert.deepEqual(failure(answer), [400, 'request.invalid'], raw)
        assert.ok(answer.text.includes(name), raw)
      }
    }
    assert.equal(Reflect.get({}, 'polluted'), undefined)
  },
)

harmless('a request with a thousand wrong fields gets an answer of bounded size', async (api) => {
  const body = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`f${i}${'x'.repeat(30)}`, 1]))
  const answer = await api.call('POST', '/v1/projects', { body })
  assert.deepEqual(failure(answer), [400, 'request.invalid'])
  assert.ok(answer.text.length < 8_192)
})

harmless('a body that is too large is refused, however its length is told', async (api) => {
  const raw = JSON.stringify({ name: 'x'.repeat(70_000) })
  assert.deepEqual(failure(await api.call('POST', '/v1/projects', { raw })), [413, 'request.too_large'])
  const small = JSON.stringify({ key: 'x'.repeat(4_096) })
  assert.deepEqual(failure(await api.call('POST', '/v1/keys:verify', { raw: small })), [
    413,
    'request.too_large',
  ])
  const chunk = `1000\r\n${'x'.repeat(4_096)}\r\n`
  for (const path of ['/v1/projects', '/v1/keys:verify']) {
    const head = `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${api.world.bootstrap}\r\ncontent-type: application/json\r\n`
    const chunked = await api.exchange(
      `${head}transfer-encoding: chunked\r\n\r\n`,
      ...Array.from({ length: 20 }, () => chunk),
    )
    assert.match(chunked, /^HTTP\/1\.1 413 .*request\.too_large/s)
    const announced = await api.exchange(
      `${head}content-length: 99999999\r\nconnection: close\r\n\r\n`,
      'x'.repeat(70_000),
    )
    assert.match(announced, /^HTTP\/1\.1 413 .*request\.too_large/s)
  }
})

harmless('absurd limits and other queries are refused, not corrected', async (api) => {
  const wrong = [
    '1000000000',
    '-1',
    '0',
    '1.5',
    '1e2',
    'abc',
    '',
    '201',
    '%31%30%30%30',
    '0x10',
    '+5',
    '١',
    ' 5',
    '007',
  ]
  for (const limit of wrong) {
    for (const path of ['keys', 'owners', 'projects', 'root-keys', 'audit/events']) {
      const answer = await api.call('GET', `/v1/${path}?limit=${encodeURI(limit)}`)
      assert.deepEqual(failure(answer), [400, 'request.invalid'], `${path} ${limit}`)
    }
  }
  const others = [
    'limit=1&limit=2',
    'limit[]=1',
    'cursor=',
    'cursor=%00',
    `cursor=${'a'.repeat(65)}`,
    'cursor=..%2F',
    'color=red',
    'state=revoked',
    'projectId=1',
    'environment=live',
    'environment=production&environment=staging',
    '__proto__=1',
    'constructor=1',
  ]
  for (const query of others) {
    const answer = await api.call('GET', `/v1/keys?${query}`)
    assert.deepEqual(failure(answer), [400, 'request.invalid'], query)
    assert.match(answer.text, /"path":"\/query\//, query)
  }
  assert.deepEqual(failure(await api.call('GET', '/v1/audit/events?cursor=abc')), [400, 'request.invalid'])
})

harmless('path parameters that are no ids are refused or not found', async (api) => {
  for (const id of [
    'x',
    'key_1',
    "key_' OR 1=1--",
    '%00',
    '..%2f..',
    'KEY_00000000000000000000000000',
    '%2e%2e',
  ]) {
    const answer = await api.call('GET', `/v1/keys/${id.replaceAll(' ', '%20')}`)
    assert.ok([400, 404].includes(answer.status), `${id} ${answer.status}`)
  }
  for (const id of ['-1', '1.5', 'abc', '1e3', '99999999999999999999'])
    assert.deepEqual(failure(await api.call('GET', `/v1/audit/events/${id}`)), [400, 'request.invalid'])
  for (const id of ['999999', '9007199254740991'])
    assert.deepEqual(failure(await api.call('GET', `/v1/audit/events/${id}`)), [
      404,
      'audit.position_not_found',
    ])
})

harmless('a path that is none is not found, and a wrong method is told the right ones', async (api) => {
  const absent = [
    '/',
    '/v1',
    '/v1/',
    '/v2/keys',
    '/v1//keys',
    '/V1/keys',
    '/v1/keys/x/y/z',
    '/v1/%zz',
    '/%',
    `/v1/keys/${'x'.repeat(300)}`,
    '/v1/keys%3Averify',
  ]
  for (const path of absent) {
    const answer = await api.call('GET', path)
    assert.deepEqual(failure(answer), [404, 'request.not_found'], path)
  }
  const allowed: readonly (readonly [method: string, path: string, allow: string])[] = [
    ['DELETE', '/v1/keys', 'POST, GET'],
    ['PUT', '/v1/keys/key_1', 'GET, PATCH'],
    ['GET', '/v1/keys:verify', 'POST'],
    ['POST', '/v1/authorize', 'GET'],
    ['OPTIONS', '/v1/projects', 'POST, GET'],
    ['HEAD', '/v1/projects', 'POST, GET'],
    ['TRACE', '/v1/audit/log/tile/0/000', 'GET'],
    ['DELETE', '/v1/keys?limit=1', 'POST, GET'],
  ]
  for (const [method, path, allow] of allowed) {
    const answer = await api.call(method, path)
    assert.equal(answer.status, 405, `${method} ${path}`)
    assert.equal(answer.headers['allow'], allow, `${method} ${path}`)
  }
})

harmless('a query on a verification is refused as such', async (api) => {
  for (const [method, path] of [
    ['POST', '/v1/keys:verify?x=1'],
    ['GET', '/v1/authorize?permission=a:b'],
  ] as const) {
    const answer = await api.call(method, path, { headers: { 'x-keystead-caller': api.world.bootstrap } })
    assert.deepEqual(failure(answer), [400, 'request.invalid'], path)
  }
})

harmless('a body that does not call itself JSON is refused', async (api) => {
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/xml',
    'json',
    '',
  ]
  for (const type of types) {
    const options: CallOptions = { raw: '{"name":"x"}', headers: { 'content-type': type } }
    for (const path of ['/v1/projects', '/v1/keys:verify'])
      assert.deepEqual(
        failure(await api.call('POST', path, options)),
        [415, 'request.media_type'],
        `${path} ${type}`,
      )
  }
})

harmless('a query where none is taken, and a body of a reading operation, change nothing', async (api) => {
  assert.deepEqual(failure(await api.call('POST', '/v1/projects?x=1', { body: { name: 'x' } })), [
    400,
    'request.invalid',
  ])
  assert.deepEqual(failure(await api.call('GET', `/v1/projects/${api.world.projectId}?x=1`)), [
    400,
    'request.invalid',
  ])
})

test('names in any script are kept as they are', async (t) => {
  const api = await openApi(t)
  const name = 'Büro 東京 🔑 \u202e "quoted" \\ <b>'
  const answer = await api.call('POST', '/v1/projects', { body: { name } })
  assert.equal(answer.json['name'], name)
  const read = await api.call('GET', `/v1/projects/${String(answer.json['id'])}`)
  assert.equal(read.json['name'], name)
})

test('times and permissions out of bounds are refused and named', async (t) => {
  const api = await openApi(t)
  const owner = await anOwner(api.world)
  const good = { environment: 'production', ownerId: owner.id, permissions: ['a:b'] }
  const { size } = api.world.store.head()
  const wrong: readonly Record<string, unknown>[] = [
    { permissions: [] },
    { permissions: 'a:b' },
    { permissions: ['a:b', 'a:b'] },
    { permissions: ['a'] },
    { permissions: ['A:b'] },
    { permissions: Array.from({ length: 65 }, (_, i) => `a:b${i}`) },
    { permissions: [`${'a'.repeat(127)}:b`] },
    { expiresAt: -1 },
    { expiresAt: 1.5 },
    { expiresAt: '1' },
    { expiresAt: 1e18 },
    { expiresAt: null },
    { environment: 'live' },
    { ownerId: 'own_1' },
    { notBefore: false },
  ]
  for (const change of wrong) {
    const answer = await api.call('POST', '/v1/keys', { body: { ...good, ...change } })
    assert.deepEqual(failure(answer), [400, 'request.invalid'], JSON.stringify(change))
    assert.ok(answer.text.includes(`/body/${Object.keys(change)[0]}`), answer.text)
  }
  assert.equal(api.world.store.head().size, size)
  assert.equal((await api.call('POST', '/v1/keys', { body: good })).status, 201)
})
