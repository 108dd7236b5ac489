import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatApiKey } from '@keystead/protocol/api-key'
import { optionsOf } from './arguments.ts'
import { runCli } from './cli.ts'
import { COMMANDS } from './commands.ts'
import { commandHelp } from './help.ts'
import { testWorld } from './world.test-support.ts'

const SECRET = 'Q'.repeat(32)
const KEY = formatApiKey({
  brand: 'ks',
  kind: 'key',
  environment: 'production',
  locator: 'abcdefghijkl',
  secret: SECRET,
})

const run = async (argv: readonly string[], world = testWorld()) => ({
  code: await runCli(COMMANDS, argv, world),
  world,
})

test('a key among the arguments is refused by its locator, before any request, and is not repeated', async () => {
  for (const argv of [
    ['keys', 'verify', KEY],
    ['keys', 'list', `--cursor=${KEY}`],
    ['help', KEY],
    [KEY],
    [`no-such-command-${KEY.slice(0, -1)}x`],
  ]) {
    const { code, world } = await run(argv)
    assert.equal(code, 2)
    assert.match(world.err(), /locator abcdefghijkl.*Revoke it/)
    assert.ok(!(world.err() + world.out()).includes(SECRET))
    assert.deepEqual(world.requests, [])
  }
})

test('a key in a KEYSTEAD_ variable is refused and is not repeated', async () => {
  const { code, world } = await run(['keys', 'list'], testWorld({ env: { KEYSTEAD_CREDENTIAL_FILE: KEY } }))
  assert.equal(code, 2)
  assert.match(world.err(), /KEYSTEAD_CREDENTIAL_FILE contains the key with locator abcdefghijkl/)
  assert.ok(!world.err().includes(SECRET))
})

test('an unknown command names the nearest one', async () => {
  const { code, world } = await run(['keys', 'rotat', 'key_x'])
  assert.equal(code, 2)
  assert.match(world.err(), /did you mean: keystead keys rotate/)
})

test('a command far from all others names no other', async () => {
  const { world } = await run(['xylophone'])
  assert.match(world.err(), /see: keystead help/)
})

test('an unknown option, a second value, a missing option and a surplus argument are usage failures', async () => {
  for (const [argv, message] of [
    [['keys', 'list', '--colour'], /--colour/],
    [['keys', 'list', '--owner', 'a', '--owner', 'b'], /--owner is given twice/],
    [['keys', 'create', '--owner', 'own_x'], /missing: --environment/],
    [['keys', 'list', 'surplus'], /unexpected argument "surplus"/],
    [['keys', 'get'], /<key-id> is missing/],
    [['keys', 'list', '--limit', '201'], /--limit must be a whole number from 1 to 200/],
  ] as const) {
    const world = testWorld()
    assert.equal(await runCli(COMMANDS, argv, world), 2, argv.join(' '))
    assert.match(world.err(), message)
    assert.deepEqual(world.requests, [])
  }
})

test('an identifier that is none never becomes part of a path', async () => {
  for (const id of [
    '..',
    '../owners',
    'own_01k3f8c2x5w9m7q4t6v0b1n2p3',
    'key_01k3f8c2x5w9m7q4t6v0b1n2p3/revoke',
  ]) {
    const { code, world } = await run(['keys', 'get', id])
    assert.equal(code, 2)
    assert.match(world.err(), /expected an id like key_/)
  }
})

test('every command has help with its options and at least one example, and no path twice', () => {
  for (const command of COMMANDS) {
    const help = commandHelp(command)
    for (const name of Object.keys(optionsOf(command)))
      assert.ok(help.includes(`--${name}`), command.path.join(' '))
    assert.ok(command.examples.length > 0, command.path.join(' '))
  }
  assert.equal(new Set(COMMANDS.map(({ path }) => path.join(' '))).size, COMMANDS.length)
})

test('help is printed for the overview, a group and a command, with exit code 0', async () => {
  for (const [argv, expected] of [
    [[], /keystead <command>/],
    [['--help'], /keystead <command>/],
    [['help', 'keys'], /keys rotate/],
    [['keys', '--help'], /keys rotate/],
    [['help', 'keys', 'rotate'], /--overlap DURATION/],
    [['keys', 'rotate', '-h'], /--overlap DURATION/],
  ] as const) {
    const world = testWorld()
    assert.equal(await runCli(COMMANDS, argv, world), 0, argv.join(' '))
    assert.match(world.out(), expected)
  }
})
