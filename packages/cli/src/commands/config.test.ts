import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { runCli } from '../cli.ts'
import { COMMANDS } from '../commands.ts'
import { testWorld } from '../world.test-support.ts'

async function run(context: TestContext, text: string, args: readonly string[], env = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'keystead-config-'))
  context.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'keystead.yaml')
  await writeFile(file, text, { mode: 0o644 })
  await chmod(file, 0o644)
  const world = testWorld({ env })
  const code = await runCli(
    COMMANDS,
    ['config', ...args, ...(args[0] === 'example' ? [] : ['--config', file])],
    world,
  )
  assert.deepEqual(world.requests, [])
  return { code, out: world.out(), err: world.err().replaceAll(file, 'FILE') }
}

test('a right configuration is shown with who has set what', async (context) => {
  const text = 'listen:\n  port: 4441\ntrustedProxies: [10.0.0.0/8, "::1"]\n'
  const checked = await run(context, text, ['check'])
  assert.deepEqual([checked.code, checked.out], [0, 'ok: 2 settings are set, all are right\n'])
  const shown = await run(context, text, ['show', '--json'], { KEYSTEAD_BRAND: 'acme' })
  const { settings } = JSON.parse(shown.out) as {
    settings: { name: string; value: unknown; from: string | null }[]
  }
  const of = (name: string) => settings.find((setting) => setting.name === name)
  assert.deepEqual(
    [of('listen.port')?.value, of('brand')?.value, of('brand')?.from],
    [4441, 'acme', 'KEYSTEAD_BRAND'],
  )
  assert.match(of('listen.port')?.from ?? '', /keystead\.yaml:2:9$/)
  assert.deepEqual([of('nodeName')?.value, of('nodeName')?.from], [null, null])
  const table = await run(context, text, ['show'])
  assert.match(table.out, /^SETTING +VALUE +FROM\n/)
  assert.match(table.out, /\nlisten\.port +4441 +\S+:2:9\n/)
  assert.match(table.out, /\nlisten\.host +127\.0\.0\.1 +default\n/)
})

test('a wrong one is refused with each line, and no secret that somebody wrote there is shown', async (context) => {
  const text = 'listen:\n  port: 70000\ndatabase:\n  url: postgres://user:hunter2@db/keys\n'
  for (const command of ['check', 'show']) {
    const { code, out, err } = await run(context, text, [command], { KEYSTEAD_HOST: '10.0.0.1' })
    assert.deepEqual([code, out], [1, ''])
    assert.match(err, /FILE:4:3: there is no database\.url: a secret is never in here, database\.urlFile/)
    assert.match(err, /FILE:2:9: listen\.port is 70000: it takes a whole number/)
    assert.match(err, /KEYSTEAD_HOST is 10\.0\.0\.1: credentials would cross the network in the clear/)
    assert.ok(!`${out}${err}`.includes('hunter2'))
  }
})

test('the example is a configuration', async (context) => {
  const { code, out } = await run(context, '', ['example'])
  assert.equal(code, 0)
  const checked = await run(context, out, ['check'])
  assert.equal(checked.out, 'ok: 0 settings are set, all are right\n')
})
