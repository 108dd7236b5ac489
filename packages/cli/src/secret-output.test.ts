import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { formatApiKey } from '@keystead/protocol/api-key'
import { runCli } from './cli.ts'
import { COMMANDS } from './commands.ts'
import { json, testWorld, type TestWorldOptions } from './world.test-support.ts'

const part = { brand: 'ks', environment: 'production', locator: 'abcdefghijkl' } as const
const SECRET = formatApiKey({ ...part, kind: 'key', secret: 'S'.repeat(32) })
const CREDENTIAL = formatApiKey({ ...part, kind: 'root', secret: 'R'.repeat(32) })
const CREATE = ['keys', 'create', '--owner', 'own_1', '--environment', 'production', '--permission', 'a:b']
const ANSWER = { key: { id: 'key_1', locator: 'abcdefghijkl' }, secret: SECRET }

async function create(
  context: TestContext,
  options: TestWorldOptions,
  extra: (folder: string) => readonly string[],
) {
  const folder = await mkdtemp(join(tmpdir(), 'keystead-cli-'))
  context.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'root'), `${CREDENTIAL}\n`, { mode: 0o600 })
  await writeFile(join(folder, 'taken'), 'precious', { mode: 0o600 })
  const world = testWorld({
    respond: () => json(ANSWER, 201),
    env: { KEYSTEAD_CREDENTIAL_FILE: join(folder, 'root') },
    ...options,
  })
  const code = await runCli(COMMANDS, [...CREATE, ...extra(folder)], world)
  return { code, world, folder }
}

test('on a terminal a new secret is refused before the server is called, with the three ways named', async (context) => {
  for (const extra of [[], ['--json']]) {
    const { code, world } = await create(context, { terminal: true }, () => extra)
    assert.equal(code, 2)
    assert.deepEqual(world.requests, [])
    for (const way of ['--secret-file', '--show', 'pipe']) assert.ok(world.err().includes(way))
  }
})

test('on a terminal --show prints the secret', async (context) => {
  const { code, world } = await create(context, { terminal: true }, () => ['--show'])
  assert.equal(code, 0)
  assert.ok(world.out().includes(SECRET))
})

test('a pipe gets exactly the secret and a line feed, the human part goes to standard error', async (context) => {
  const { code, world } = await create(context, {}, () => [])
  assert.equal(code, 0)
  assert.equal(world.out(), `${SECRET}\n`)
  assert.match(world.err(), /key_1/)
  assert.ok(!world.err().includes(SECRET))
})

test('a pipe with --json gets the answer with the secret in it', async (context) => {
  const { world } = await create(context, {}, () => ['--json'])
  assert.deepEqual(JSON.parse(world.out()), ANSWER)
  assert.ok(!world.err().includes(SECRET))
})

test('--secret-file gets the secret with mode 0600 and nothing else does', async (context) => {
  for (const extra of [[], ['--json']]) {
    const { code, world, folder } = await create(context, {}, (path) => [
      '--secret-file',
      join(path, 'new'),
      ...extra,
    ])
    assert.equal(code, 0)
    assert.equal(await readFile(join(folder, 'new'), 'utf8'), `${SECRET}\n`)
    assert.equal((await stat(join(folder, 'new'))).mode & 0o777, 0o600)
    assert.ok(!(world.out() + world.err()).includes(SECRET))
  }
})

test('a --secret-file that exists or cannot be made is refused before the server is called', async (context) => {
  for (const name of ['taken', 'missing/new']) {
    const { code, world, folder } = await create(context, {}, (path) => ['--secret-file', join(path, name)])
    assert.equal(code, 2)
    assert.deepEqual(world.requests, [])
    assert.equal(await readFile(join(folder, 'taken'), 'utf8'), 'precious')
  }
})

test('a refusal by the server leaves no empty --secret-file behind', async (context) => {
  const respond = () => json({ title: 'Forbidden', detail: 'no', code: 'access.denied' }, 403)
  const { code, world, folder } = await create(context, { respond }, (path) => [
    '--secret-file',
    join(path, 'new'),
  ])
  assert.equal(code, 1)
  assert.match(world.err(), /refused: Forbidden: no \(access\.denied\)/)
  await assert.rejects(stat(join(folder, 'new')), { code: 'ENOENT' })
})
