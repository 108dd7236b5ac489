import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { scryptSync } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'

const ROOT = resolve(import.meta.dirname, '..')
const BINARY = join(ROOT, 'packages/cli/bin/keystead.mjs')
// A start takes below 2 s; a loaded machine may take longer, a broken start must still end.
const START_MS_MAX = 30_000

interface Result {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

let folder = ''
let server: ChildProcess | null = null
let url = ''
/** Everything that any command has printed, except where a secret was asked for. */
const printed: string[] = []

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keystead-e2e-cli-'))
  server = spawn(process.execPath, [join(ROOT, 'packages/server/src/main.ts')], {
    cwd: folder,
    env: { ...process.env, KEYSTEAD_DATA_DIR: join(folder, 'data'), KEYSTEAD_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  url = await readyUrl(server)
})

after(async () => {
  if (server !== null && server.exitCode === null) {
    const exited = once(server, 'exit')
    server.kill('SIGTERM')
    await exited
  }
  await rm(folder, { recursive: true, force: true })
})

test('the command line carries a key through its whole life, and no secret is printed on the way', async () => {
  const project = await json('projects', 'create', '--name', 'Market data')
  const projectId = text(project['id'])
  await succeeds('projects', 'get', projectId)
  assert.match((await succeeds('projects', 'list')).out, /Market data/)
  const place = ['--project', projectId, '--environment', 'production']

  const owner = await json(
    'owners',
    'create',
    '--project',
    projectId,
    '--external-id',
    'customer-1042',
    '--name',
    'Acme',
  )
  const ownerId = text(owner['id'])
  await succeeds('owners', 'update', ownerId, '--name', 'Acme Capital')
  assert.match((await succeeds('owners', 'get', ownerId)).out, /Acme Capital/)
  assert.match((await succeeds('owners', 'list', '--project', projectId)).out, /customer-1042/)

  const gateway = file('gateway.key')
  await succeeds(
    ...['root-keys', 'create', ...place, '--name', 'gateway', '--permission', 'keys:verify'],
    ...['--expires-in', '90d', '--secret-file', gateway],
  )
  const created = await json(
    ...[
      'keys',
      'create',
      ...place,
      '--owner',
      ownerId,
      '--permission',
      'market:read',
      '--permission',
      '!funds:withdraw',
    ],
    ...['--expires-in', '90d', '--secret-file', file('acme.key')],
  )
  const keyId = text((created['key'] as Record<string, unknown>)['id'])
  assert.equal(created['secret'], undefined)
  assert.equal((await stat(file('acme.key'))).mode & 0o777, 0o600)
  assert.match(
    (await succeeds('keys', 'list', '--project', projectId, '--state', 'active')).out,
    new RegExp(keyId),
  )
  await succeeds('keys', 'update', keyId, '--name', 'read only')
  assert.match((await succeeds('keys', 'get', keyId)).out, /read only/)

  const verify = ['keys', 'verify', '--credential-file', gateway, '--permission']
  const acme = await readFile(file('acme.key'), 'utf8')
  assert.match((await succeedsWith(acme, ...verify, 'market:read')).out, /VALID/)
  assert.match((await run(acme, ...verify, 'funds:withdraw')).out, /INSUFFICIENT_PERMISSIONS/)
  await succeedsWith(acme, 'keys', 'authorize', '--credential-file', gateway, '--permission', 'market:read')
  await succeedsWith(acme, 'keys', 'check')

  const rotated = await run('', 'keys', 'rotate', keyId, '--overlap', '1h', '--reason', 'scheduled')
  printed.splice(printed.indexOf(rotated.out), 1)
  assert.equal(rotated.code, 0, rotated.err)
  assert.match(rotated.out, /^ks_key_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}\n$/)
  await writeFile(file('next.key'), rotated.out, { mode: 0o600 })
  for (const key of [acme, rotated.out]) await succeedsWith(key, ...verify, 'market:read')

  const bulk = ['keys', 'bulk', 'suspend', ...place, '--owner', ownerId]
  assert.match((await succeeds(...bulk, '--dry-run')).out, /would change +1\n/)
  const operation = (await json(...bulk))['operation'] as Record<string, unknown>
  assert.match((await run(acme, ...verify, 'market:read')).out, /SUSPENDED/)
  await succeeds('bulk-operations', 'undo', text(operation['id']))
  assert.match((await succeeds('bulk-operations', 'list')).out, /undone/)
  await succeedsWith(acme, ...verify, 'market:read')

  await succeeds('keys', 'revoke', keyId, '--reason', 'cessationOfOperation')
  const revoked = await run(rotated.out, ...verify, 'market:read')
  assert.equal(revoked.code, 1)
  assert.match(revoked.out, /REVOKED/)
  assert.equal((await run('', 'keys', 'rotate', keyId)).code, 1)
  assert.match((await succeeds('root-keys', 'list')).out, /gateway/)
  assert.match((await succeeds('audit', 'events', '--target', keyId)).out, /key\.revoked/)
  await succeeds('audit', 'event', '0')
  await refusesSecretsInSight()
})

test('the exported log is verified offline, continues an older checkpoint, and a tampered copy is refuted', async () => {
  await writeFile(file('trust'), (await succeeds('audit', 'key')).out)
  await eventually(
    async () => Number((await json('audit', 'checkpoint'))['checkpoint']?.toString().split('\n')[1]) > 0,
  )
  await writeFile(file('since'), `${text((await json('audit', 'checkpoint'))['checkpoint'])}`)
  await succeeds('projects', 'create', '--name', 'One more')
  await succeeds('audit', 'export', '--to', file('export'), '--state')
  const verify = ['--trust', file('trust'), '--since', file('since')]
  await succeeds('audit', 'verify', file('export'), ...verify)
  await succeeds('audit', 'proof', 'inclusion', '--position', '0', '--trust', file('trust'))
  await succeeds('audit', 'proof', 'consistency', ...verify)

  await cp(file('export'), file('tampered'), { recursive: true })
  const bundles = await readdir(file('tampered/tile/entries'), { recursive: true, withFileTypes: true })
  const bundle = bundles.find((entry) => entry.isFile())
  assert.ok(bundle)
  const path = join(bundle.parentPath, bundle.name)
  const entries = await readFile(path, 'latin1')
  assert.ok(entries.includes('project.created'))
  await writeFile(path, entries.replace('project.created', 'project.creates'), 'latin1')
  const refuted = await run('', 'audit', 'verify', file('tampered'), '--trust', file('trust'))
  assert.equal(refuted.code, 1)
  assert.match(refuted.out, /REFUTED/)
})

test('the use of a key is shown, exported, and proven offline by a receipt; a receipt that was changed is refuted', async () => {
  const boot = async (): Promise<Record<string, unknown>> => {
    const { items } = await json('usage', 'emitters')
    return (items as Record<string, unknown>[])[0] ?? {}
  }
  // Uses are recorded every five seconds and counted within fifteen; a checkpoint covers them a second later.
  await eventually(async () => Number((await boot())['records']) > 0)
  await eventually(async () => (await run('', 'usage', 'show', '--unknown')).code === 0)
  assert.match((await succeeds('usage', 'emitters')).out, /USES/)
  const bootstrap = (await json('root-keys', 'list'))['items'] as {
    id: string
    name: string
    createdAt: number
  }[]
  const { id, createdAt } = bootstrap.find(({ name }) => name === 'bootstrap') ?? { id: '', createdAt: 0 }
  const at = new Date(createdAt).toISOString()
  const receipt = file('use.receipt')
  const prove = ['audit', 'prove-use', '--key', id, '--at', at, '--to', receipt]
  await eventually(async () => (await run('', ...prove)).code === 0)
  assert.equal((await run('', ...prove)).code, 2, 'a receipt overwrites nothing')
  await writeFile(file('log.trust'), (await succeeds('audit', 'key')).out)
  const verify = ['audit', 'verify-use', receipt, '--trust', file('log.trust')]
  const verified = await succeeds(...verify)
  assert.match(verified.out, new RegExp(`${id}[^]*VALID[^]*a caller of Keystead itself[^]*yes, against`))
  const changed = JSON.parse(await readFile(receipt, 'utf8')) as { page: string }
  const page = Buffer.from(changed.page, 'base64')
  page.writeUInt8(page.readUInt8(5) ^ 1, 5)
  await writeFile(receipt, JSON.stringify({ ...changed, page: page.toString('base64') }))
  const refuted = await run('', ...verify)
  assert.deepEqual([refuted.code, /refuted/.test(refuted.err)], [1, true], refuted.err)

  const exported = await json('audit', 'export', '--to', file('with-uses'), '--uses')
  assert.ok((exported['uses'] as { kept: number }).kept > 0)
  const report = await succeeds('audit', 'verify', file('with-uses'), '--trust', file('log.trust'))
  assert.match(report.out, /ok {4} uses +\d+ uses in \d+ batches, the records of [1-9]/)
})

test('keys of another system are imported from a file, work as they are, and are exported', async () => {
  const projectId = text((await json('projects', 'create', '--name', 'Moved'))['id'])
  const place = ['--project', projectId, '--environment', 'production']
  const source = await json(
    ...['import-sources', 'create', ...place, '--name', 'old', '--algorithm', 'scrypt'],
    ...['--lookup-separator', '.', '--hash-of-rest'],
  )
  const sourceId = text(source['id'])
  assert.match((await succeeds('import-sources', 'get', sourceId)).out, /before "\." number 1/)
  assert.match((await succeeds('import-sources', 'list', '--project', projectId)).out, /old/)
  await writeFile(file('pepper'), 'a pepper\n', { mode: 0o600 })
  const hmac = ['--name', 'hmac', '--algorithm', 'hmac-sha256', '--secret-file', file('pepper')]
  assert.doesNotMatch((await succeeds('import-sources', 'create', ...place, ...hmac)).out, /a pepper/)

  const salt = Buffer.alloc(16, 7)
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '')
  const line = (i: number): string =>
    JSON.stringify({
      hash: `$scrypt$ln=4,r=8,p=1$${base64(salt)}$${base64(scryptSync(`secret-${i}`, salt, 32, { cost: 16 }))}`,
      ...{ lookup: `key${i}`, ownerExternalId: 'acme', permissions: ['market:read'] },
    })
  const lines = Array.from({ length: 600 }, (_, i) => line(i))
  const importing = ['keys', 'import', '--source', sourceId, '--file', file('old.jsonl')]
  await writeFile(
    file('old.jsonl'),
    [...lines.slice(0, 299), '{"hash": "x"}', ...lines.slice(300)].join('\n'),
  )
  const refused = await run('', ...importing, '--create-owners')
  assert.deepEqual([refused.code, /old\.jsonl line 300 /.test(refused.err)], [1, true], refused.err)
  await writeFile(file('old.jsonl'), `${lines.join('\n')}\n`)
  const counts = await json(...importing, '--create-owners')
  assert.deepEqual(Number(counts['imported']) + Number(counts['exists']), 600)
  assert.deepEqual(await json(...importing), { imported: 0, exists: 600 })
  await writeFile(file('broken.jsonl'), 'no JSON')
  const broken = await run('', ...importing.slice(0, -1), file('broken.jsonl'))
  assert.deepEqual([broken.code, /line 1 is no JSON object/.test(broken.err)], [2, true], broken.err)

  await succeeds(
    ...['root-keys', 'create', ...place, '--permission', 'keys:verify'],
    ...['--expires-in', '1d', '--secret-file', file('moved.key')],
  )
  const verify = ['keys', 'verify', '--credential-file', file('moved.key')]
  assert.match((await succeedsWith('key599.secret-599', ...verify)).out, /VALID/)
  assert.notEqual((await run('key599.secret-598', ...verify)).code, 0)

  const to = file('moved.jsonl')
  assert.equal((await json('keys', 'export', ...place, '--with-hashes', '--to', to))['exported'], 600)
  assert.equal((await stat(to)).mode & 0o777, 0o600)
  const exported = (await readFile(to, 'utf8')).trim().split('\n')
  assert.equal(exported.length, 600)
  assert.match(exported[0] ?? '', /"algorithm":"scrypt","hash":"\$scrypt\$ln=4/)
  assert.equal(
    (await run('', 'keys', 'export', ...place, '--to', to)).code,
    2,
    'an export overwrites nothing',
  )
})

test('every operation of the API has a command', async () => {
  const document = await json('openapi')
  const { COMMANDS } = await import('../packages/cli/src/commands.ts')
  const known = new Set(COMMANDS.flatMap(({ operations }) => operations))
  const paths = Object.values(document['paths'] as Record<string, Record<string, { operationId?: string }>>)
  const ids = paths.flatMap((methods) =>
    Object.values(methods).flatMap(({ operationId }) => operationId ?? []),
  )
  assert.ok(ids.length > 20)
  assert.deepEqual(
    ids.filter((id) => !known.has(id)),
    [],
  )
})

test('a ready server is healthy, a port where nothing listens is exit code 3', async () => {
  assert.match((await succeeds('health')).out, /live {2}ready/)
  assert.equal((await run('', 'health', '--url', 'http://127.0.0.1:1')).code, 3)
})

/** No secret that is in a file of this test was printed by any command. */
async function refusesSecretsInSight(): Promise<void> {
  const all = printed.join('\n')
  for (const path of [
    file('gateway.key'),
    file('acme.key'),
    file('next.key'),
    join(folder, 'data/bootstrap-key'),
  ]) {
    const secret = (await readFile(path, 'utf8')).trim()
    assert.match(secret, /^ks_/)
    assert.ok(!all.includes(secret.slice(-38)), `${path} was printed`)
  }
}

async function json(...argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse((await succeeds(...argv, '--json')).out) as Record<string, unknown>
}

function succeeds(...argv: readonly string[]): Promise<Result> {
  return succeedsWith('', ...argv)
}

async function succeedsWith(input: string, ...argv: readonly string[]): Promise<Result> {
  const result = await run(input, ...argv)
  assert.equal(result.code, 0, `keystead ${argv.join(' ')}\n${result.err}${result.out}`)
  return result
}

async function run(input: string, ...argv: readonly string[]): Promise<Result> {
  const child = spawn(process.execPath, [BINARY, ...argv], {
    cwd: folder,
    // Some 40 starts: with the cache each strips and compiles nothing but what changed since the first.
    env: { ...process.env, KEYSTEAD_URL: url, NODE_COMPILE_CACHE: join(folder, 'compile-cache') },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', (error) => assert.match(error.message, /EPIPE/))
  child.stdin.end(input)
  const [out, err] = await Promise.all([collect(child.stdout), collect(child.stderr), once(child, 'close')])
  printed.push(out, err)
  return { code: child.exitCode, out, err }
}

async function collect(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function readyUrl(child: ChildProcess): Promise<string> {
  assert.ok(child.stdout)
  const stop = setTimeout(() => child.kill('SIGKILL'), START_MS_MAX)
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const ready = /keystead ready on (http:\S+)/.exec(line)?.[1]
      if (ready !== undefined) return ready
    }
  } finally {
    clearTimeout(stop)
    child.stdout.resume()
  }
  throw new Error('the server ended before it was ready')
}

/** Checkpoints are signed once a second: asks until one is there, at most 50 times (some 10 s of command starts). */
async function eventually(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) if (await condition()) return
  assert.fail('did not happen')
}

function file(name: string): string {
  return join(folder, name)
}

function text(value: unknown): string {
  assert.equal(typeof value, 'string')
  return String(value)
}
