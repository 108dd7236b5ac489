import { type Config, describeProblems, type Environment } from '@keystead/settings/config'
import { loadConfig } from '@keystead/settings/load'
import { parseArgs } from 'node:util'
import { StartError } from './errors.ts'

/** What the operator asks for on the command line. */
export interface Wanted {
  readonly newBootstrapKey: boolean
  readonly newEpoch: boolean
}

const OPTIONS = {
  config: { type: 'string' },
  'new-bootstrap-key': { type: 'boolean', default: false },
  'new-epoch': { type: 'boolean', default: false },
} as const

/** What the command line, the file and the environment say. StartError with all that is wrong, a line each. */
export function readStart(
  args: readonly string[],
  environment: Environment,
): { readonly config: Config; readonly wanted: Wanted } {
  const values = parse(args)
  const { config, problems } = loadConfig(environment, values.config ?? null)
  if (config === null) throw new StartError(describeProblems(problems))
  const wanted = { newBootstrapKey: values['new-bootstrap-key'], newEpoch: values['new-epoch'] }
  return { config, wanted }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values
  } catch (cause) {
    const names = Object.keys(OPTIONS).map((name) => `--${name}`)
    throw new StartError(
      `${cause instanceof Error ? cause.message.split('.')[0] : ''}. The server takes ${names.join(', ')}.`,
      { cause },
    )
  }
}
