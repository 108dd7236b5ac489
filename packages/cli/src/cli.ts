import { findCommand, parseValues, refuseKeysInSight } from './arguments.ts'
import { Client } from './client.ts'
import type { Command, Invocation } from './command.ts'
import { DEFAULT_URL, parseServerUrl, readCredential, refuseClearText } from './connection.ts'
import { CliFailure, EXIT, type ExitCode, usageFailure } from './failure.ts'
import { toJson } from './json.ts'
import { commandHelp, groupHelp, overview, unknownCommand } from './help.ts'
import type { Values } from './values.ts'
import type { World } from './world.ts'

/** Runs one command line and returns its exit code. Everything it prints goes through `world`. */
export async function runCli(
  commands: readonly Command[],
  argv: readonly string[],
  world: World,
): Promise<ExitCode> {
  try {
    refuseKeysInSight(argv, world.env)
    return await dispatch(commands, argv, world)
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error
    await world.stderr.write(`keystead: ${error.message}\n`)
    return error.exitCode
  }
}

async function dispatch(
  commands: readonly Command[],
  argv: readonly string[],
  world: World,
): Promise<ExitCode> {
  const words = normalise(argv)
  const found = findCommand(commands, words)
  if (found === null) return await withoutCommand(commands, words, world)
  const values = parseValues(found.command, found.rest)
  if (values.flag('help')) {
    await world.stdout.write(`${commandHelp(found.command)}\n`)
    return EXIT.ok
  }
  return await found.command.run(invocation(world, values))
}

/** `--help` and `--version` alone are the commands help and version. */
function normalise(argv: readonly string[]): readonly string[] {
  const [first, ...rest] = argv
  if (first === undefined || first === '--help' || first === '-h') return ['help', ...rest]
  return first === '--version' ? ['version', ...rest] : argv
}

/** `help [words]`, a group alone (`keystead keys`), or words that are no command. */
async function withoutCommand(
  commands: readonly Command[],
  words: readonly string[],
  world: World,
): Promise<ExitCode> {
  const asked = words[0] === 'help'
  const path = words.filter((word) => word !== '--help' && word !== '-h').slice(asked ? 1 : 0)
  if (path.length === 0) {
    await world.stdout.write(`${overview(commands)}\n`)
    return EXIT.ok
  }
  if (path[0]?.startsWith('-') === true)
    throw usageFailure('the command comes first, its options after it\nsee: keystead help')
  const exact = asked ? findCommand(commands, path) : null
  const group = commands.filter((command) => path.every((word, index) => command.path[index] === word))
  if (exact !== null) await world.stdout.write(`${commandHelp(exact.command)}\n`)
  else if (group.length > 0) await world.stdout.write(`${groupHelp(path, group)}\n`)
  else throw usageFailure(unknownCommand(commands, path))
  return asked || path.length < words.length ? EXIT.ok : EXIT.usage
}

function invocation(world: World, values: Values): Invocation {
  const json = values.flag('json')
  const url = () => parseServerUrl(values.text('url') ?? world.env['KEYSTEAD_URL'] ?? DEFAULT_URL)
  return {
    world,
    values,
    json,
    anonymous: () => new Client(url(), world.fetch, null),
    authenticated: async () => {
      const server = url()
      refuseClearText(server, values.flag('insecure-http'))
      const credential = await readCredential(
        values.text('credential-file') ?? world.env['KEYSTEAD_CREDENTIAL_FILE'],
      )
      if (credential.warning !== null) await world.stderr.write(`warning: ${credential.warning}\n`)
      return new Client(server, world.fetch, credential.text)
    },
    present: async (answer, human) => {
      await world.stdout.write(`${json ? toJson(answer) : human()}\n`)
    },
  }
}
