import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { formatApiKey } from '@keystead/protocol/api-key'
import { runCli } from '../cli.ts'
import { COMMANDS } from '../commands.ts'
import { type TestLog, testLog } from '../log.test-support.ts'
import { testWorld } from '../world.test-support.ts'

const CREDENTIAL = formatApiKey({
  brand: 'ks',
  kind: 'root',
  environment: 'production',
  locator: 'abcdefghijkl',
  secret: 'R'.repeat(32),
})

async function setUp(context: TestContext, log: TestLog) {
  const folder = await mkdtemp(join(tmpdir(), 'keystead-cli-'))
  context.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'root'), CREDENTIAL, { mode: 0o600 })
  await writeFile(join(folder, 'trust'), log.trust)
  await writeFile(join(folder, 'since'), log.checkpoint())
  const env = { KEYSTEAD_CREDENTIAL_FILE: join(folder, 'root') }
  const copy = join(folder, 'copy')
  const run = async (words: string, from: TestLog = log) => {
    const world = testWorld({ env, respond: (request) => from.respond(request) })
    const argv = words.split(' ').map((word) => word.replace('@', `${folder}/`))
    return { code: await runCli(COMMANDS, argv, world), world }
  }
  return { copy, run }
}

const EXPORT = 'audit export --to @copy'
const VERIFY = 'audit verify @copy --trust @trust'

test('an export verifies offline, and says that it came without trust', async (context) => {
  const { run } = await setUp(context, testLog(300))
  const exported = await run(EXPORT)
  assert.equal(exported.code, 0, exported.world.err())
  assert.match(exported.world.err(), /Get the log's key from its operator by another way/)
  const verified = await run(VERIFY)
  assert.equal(verified.code, 0, verified.world.out())
  assert.match(verified.world.out(), /VERIFIED/)
  assert.deepEqual(verified.world.requests, [])
})

test('an export is extended: full tiles are kept, partial ones replaced, and it continues the older checkpoint', async (context) => {
  const log = testLog(300)
  const { run, copy } = await setUp(context, log)
  await run(EXPORT)
  log.size = 520
  const extended = await run(EXPORT)
  assert.equal(extended.code, 0, extended.world.err())
  assert.ok(!extended.world.requests.some((request) => request.endsWith('tile/0/000')))
  await assert.rejects(stat(join(copy, 'tile/0/001.p')), { code: 'ENOENT' })
  const verified = await run(`${VERIFY} --since @since`)
  assert.equal(verified.code, 0, verified.world.out())
})

test('a tampered export is refuted with exit code 1', async (context) => {
  const { run, copy } = await setUp(context, testLog(10))
  await run(EXPORT)
  const path = join(copy, 'tile/entries/000.p/10')
  const text = await readFile(path, 'latin1')
  await writeFile(path, text.replace('owner.created', 'owner.updated'), 'latin1')
  const verified = await run(VERIFY)
  assert.equal(verified.code, 1)
  assert.match(verified.world.out(), /REFUTED/)
})

test('an export is not overwritten by a shorter log or by another history of the same size', async (context) => {
  const pair = generateKeyPairSync('ed25519')
  const log = testLog(10, 'a', pair)
  const { run, copy } = await setUp(context, log)
  await run(EXPORT)
  const before = await readFile(join(copy, 'checkpoint'), 'utf8')
  for (const other of [testLog(9, 'a', pair), testLog(10, 'b', pair)]) {
    const { code, world } = await run(EXPORT, other)
    assert.equal(code, 1)
    assert.match(world.err(), /refuted/)
    assert.equal(await readFile(join(copy, 'checkpoint'), 'utf8'), before)
  }
})

test('a folder with other things in it is not exported into', async (context) => {
  const { run } = await setUp(context, testLog(1))
  const { code, world } = await run('audit export --to @')
  assert.equal(code, 2)
  assert.deepEqual(world.requests, [])
})

test('a trust file from the export itself is warned about', async (context) => {
  const { run } = await setUp(context, testLog(3))
  await run(EXPORT)
  const { world } = await run('audit verify @copy --trust @copy/trust.policy')
  assert.match(world.err(), /came with the export/)
})

test('proofs are verified here against signed checkpoints, and refuted when history was rewritten', async (context) => {
  const pair = generateKeyPairSync('ed25519')
  const log = testLog(10, 'a', pair)
  const { run } = await setUp(context, log)
  log.size = 25
  const inclusion = 'audit proof inclusion --position 7 --trust @trust'
  const consistency = 'audit proof consistency --since @since --trust @trust'
  for (const command of [inclusion, consistency]) {
    const { code, world } = await run(command)
    assert.equal(code, 0, world.err())
    assert.match(world.out(), /verified +yes/)
  }
  const rewritten = await run(consistency, testLog(25, 'b', pair))
  assert.equal(rewritten.code, 1)
  assert.match(rewritten.world.err(), /history was rewritten/)
  const rolledBack = await run(consistency, testLog(9, 'a', pair))
  assert.match(rolledBack.world.err(), /rolled back/)
  const forged = await run(inclusion, testLog(25, 'a'))
  assert.equal(forged.code, 1)
  assert.match(forged.world.err(), /no trusted key has signed/)
})
