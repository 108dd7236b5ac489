import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { formatApiKey } from '@keystead/protocol/api-key'
import { runCli } from './cli.ts'
import { COMMANDS } from './commands.ts'
import { isLoopback, parseServerUrl } from './connection.ts'
import { json, testWorld, type TestWorldOptions } from './world.test-support.ts'

const part = { brand: 'ks', environment: 'production', locator: 'abcdefghijkl' } as const
const ROOT = formatApiKey({ ...part, kind: 'root', secret: 'R'.repeat(32) })
const PAGE = { items: [], nextCursor: null }

async function list(
  context: TestContext,
  options: TestWorldOptions,
  extra: readonly string[] = [],
  mode = 0o600,
  text = ROOT,
) {
  const folder = await mkdtemp(join(tmpdir(), 'keystead-cli-'))
  context.after(() => rm(folder, { recursive: true }))
  const credential = join(folder, 'root')
  await writeFile(credential, `${text}\n`, { mode })
  const world = testWorld({ respond: () => json(PAGE), ...options })
  const code = await runCli(COMMANDS, ['keys', 'list', '--credential-file', credential, ...extra], world)
  return { code, world }
}

test('a credential is never sent over plain http to another machine unless that is asked for', async (context) => {
  const refused = await list(context, {}, ['--url', 'http://keys.example.com'])
  assert.equal(refused.code, 2)
  assert.deepEqual(refused.world.requests, [])
  const insisted = await list(context, {}, ['--url', 'http://keys.example.com', '--insecure-http'])
  assert.equal(insisted.code, 0)
  const encrypted = await list(context, {}, ['--url', 'https://keys.example.com'])
  assert.equal(encrypted.code, 0)
})

test('only names and addresses of this machine count as loopback', () => {
  const host = (text: string) => parseServerUrl(text).hostname
  for (const url of [
    'http://127.0.0.1:4440',
    'http://127.1',
    'http://localhost',
    'http://[::1]:1',
    'http://2130706433',
  ]) {
    assert.ok(isLoopback(host(url)), url)
  }
  for (const url of [
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://0.0.0.0',
    'http://10.0.0.1',
  ]) {
    assert.ok(!isLoopback(host(url)), url)
  }
})

test('an address with a password, a path or another scheme is refused', () => {
  for (const url of [
    'http://a:b@127.0.0.1',
    'http://127.0.0.1/v1',
    'ftp://127.0.0.1',
    'keys',
    'http://127.0.0.1?x=1',
  ]) {
    assert.throws(() => parseServerUrl(url), /--url/, url)
  }
})

test('the credential travels in the authorization header and redirects are not followed', async (context) => {
  const seen: unknown[] = []
  const respond = (request: Request) => {
    seen.push(request.headers.get('authorization'), request.redirect)
    return json(PAGE)
  }
  await list(context, { respond })
  assert.deepEqual(seen, [`Bearer ${ROOT}`, 'error'])
})

test('a credential file that others can read is used with a warning that does not repeat it', async (context) => {
  const { code, world } = await list(context, {}, [], 0o644)
  assert.equal(code, 0)
  assert.match(world.err(), /can be read by others \(mode 0644\): chmod 600/)
  assert.ok(!world.err().includes(ROOT))
})

test('a missing credential, or a file without a root key, is exit code 4 and sends nothing', async (context) => {
  const notRoot = formatApiKey({ ...part, kind: 'key', secret: 'K'.repeat(32) })
  for (const text of ['', 'hello', notRoot]) {
    const { code, world } = await list(context, {}, [], 0o600, text)
    assert.equal(code, 4)
    assert.deepEqual(world.requests, [])
  }
  const world = testWorld({ env: { KEYSTEAD_CREDENTIAL_FILE: '/nowhere/root' } })
  assert.equal(await runCli(COMMANDS, ['keys', 'list'], world), 4)
  assert.match(world.err(), /no such file/)
})

test('a server that is not there is exit code 3', async (context) => {
  const { code, world } = await list(context, {
    respond: () => Promise.reject(new TypeError('fetch failed')),
  })
  assert.equal(code, 3)
  assert.match(world.err(), /cannot reach http:\/\/127\.0\.0\.1:4440/)
})

test('a refusal shows title, detail, code and every field on a line of its own', async (context) => {
  const problem = {
    title: 'Bad Request',
    detail: 'two fields are wrong',
    code: 'request.invalid',
    errors: [
      { path: '/name', message: 'too long' },
      { path: '/x', message: 'unknown \u001b[31m' },
    ],
  }
  const { code, world } = await list(context, { respond: () => json(problem, 400) })
  assert.equal(code, 1)
  assert.equal(
    world.err(),
    'keystead: refused: Bad Request: two fields are wrong (request.invalid)\n  /name: too long\n  /x: unknown \\u001b[31m\n',
  )
})

test('an answer beyond the bound is refused', async (context) => {
  const respond = () => new Response(new Uint8Array(17 * 1024 * 1024))
  const { code, world } = await list(context, { respond })
  assert.equal(code, 1)
  assert.match(world.err(), /larger than/)
})

test('--all follows the cursors to the end; one page names the cursor to go on with', async (context) => {
  const respond = (request: Request) =>
    json(
      new URL(request.url).searchParams.get('cursor') === null
        ? { items: [{ id: 'key_1' }], nextCursor: 'next' }
        : { items: [{ id: 'key_2' }], nextCursor: null },
    )
  const all = await list(context, { respond }, ['--all', '--json'])
  assert.deepEqual(JSON.parse(all.world.out()), {
    items: [{ id: 'key_1' }, { id: 'key_2' }],
    nextCursor: null,
  })
  const page = await list(context, { respond }, ['--limit', '1'])
  assert.match(page.world.err(), /--cursor "next"/)
  assert.deepEqual(page.world.requests, ['GET /v1/keys?limit=1'])
})
