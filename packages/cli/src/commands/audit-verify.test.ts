import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCli } from '../cli.ts'
import { COMMANDS } from '../commands.ts'
import { testWorld } from '../world.test-support.ts'

test('audit verify without --trust says where trust comes from and does not look at the export', async () => {
  const world = testWorld()
  assert.equal(await runCli(COMMANDS, ['audit', 'verify', '/nowhere'], world), 2)
  assert.match(world.err(), /--trust is missing\. Get the log's key from its operator by another way/)
})

test('a trust file that cannot be read is a usage failure', async () => {
  const world = testWorld()
  assert.equal(await runCli(COMMANDS, ['audit', 'verify', '/nowhere', '--trust', '/nowhere/trust'], world), 2)
  assert.match(world.err(), /--trust \/nowhere\/trust cannot be read \(ENOENT\)/)
})
