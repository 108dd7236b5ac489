import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatApiKey } from '@keystead/protocol/api-key'
import { runCli } from '../cli.ts'
import { COMMANDS } from '../commands.ts'
import { testWorld } from '../world.test-support.ts'

const SECRET = 'S'.repeat(32)
const KEY = formatApiKey({
  brand: 'acme',
  kind: 'key',
  environment: 'staging',
  locator: 'abcdefghijkl',
  secret: SECRET,
})

test('keys check shows the parts of a well-formed key without its secret, offline', async () => {
  for (const extra of [[], ['--json']]) {
    const world = testWorld({ stdin: `${KEY}\n` })
    assert.equal(await runCli(COMMANDS, ['keys', 'check', ...extra], world), 0)
    for (const text of ['acme', 'staging', 'abcdefghijkl']) assert.ok(world.out().includes(text))
    assert.ok(!world.out().includes(SECRET))
    assert.deepEqual(world.requests, [])
  }
})

test('keys check refuses what is not well-formed with exit code 1 and does not repeat it', async () => {
  for (const text of [KEY.replace('_test_', '_live_'), `${KEY}x`, 'hello']) {
    const world = testWorld({ stdin: text })
    assert.equal(await runCli(COMMANDS, ['keys', 'check'], world), 1)
    assert.ok(!(world.out() + world.err()).includes(text))
  }
})

test('a key is not read from a terminal or from nothing', async () => {
  assert.equal(await runCli(COMMANDS, ['keys', 'check'], testWorld()), 2)
  assert.equal(await runCli(COMMANDS, ['keys', 'check'], testWorld({ stdin: '' })), 2)
})
