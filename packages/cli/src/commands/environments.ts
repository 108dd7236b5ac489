import { CONNECTION_OPTIONS } from '../arguments.ts'
import { isObject, type JsonObject } from '../client.ts'
import type { Command, Invocation, OptionSpec } from '../command.ts'
import { parseDuration } from '../duration.ts'
import { EXIT, type ExitCode, usageFailure } from '../failure.ts'
import { asText, given } from '../fields.ts'
import { renderFields } from '../table.ts'
import { identifier, type Values } from '../values.ts'

const POSITIONALS = [
  { name: 'project-id', help: 'prj_...' },
  { name: 'environment', help: 'production, staging or development' },
] as const
const EXAMPLE = 'prj_01k3f8c2x5w9m7q4t6v0b1n2p3 production'

/** Option, field of the policy, help. Each takes a duration or `off`. */
const LENGTHS = [
  ['maximum-age', 'maximumAgeSeconds', 'after which a version is due for rotation'],
  ['cutover', 'cutoverSilentSeconds', 'silence of the earlier version after which its overlap ends'],
  ['idle', 'idleExpirySeconds', 'without use after which a key expires'],
] as const

export const ENVIRONMENT_COMMANDS: readonly Command[] = [
  {
    path: ['environments', 'get'],
    summary: 'show an environment and its policy',
    operations: ['environments.get'],
    positionals: POSITIONALS,
    options: CONNECTION_OPTIONS,
    examples: [`keystead environments get ${EXAMPLE}`],
    run: async (invocation) =>
      await present(invocation, await (await invocation.authenticated()).get(pathOf(invocation))),
  },
  {
    path: ['environments', 'update'],
    summary: 'change how long keys of an environment live, lie idle and overlap',
    operations: ['environments.update'],
    positionals: POSITIONALS,
    options: {
      ...Object.fromEntries(
        LENGTHS.map(([name, , help]): [string, OptionSpec] => [
          name,
          { type: 'text', placeholder: 'DURATION', help: `${help}; off: never` },
        ]),
      ),
      rotation: { type: 'text', placeholder: 'MODE', help: 'warn or automatic' },
      overlap: { type: 'text', placeholder: 'DURATION', help: 'of automatic rotations and of holders’ own' },
      'self-rotation': { type: 'text', placeholder: 'on|off', help: 'whether holders may rotate their keys' },
      ...CONNECTION_OPTIONS,
    },
    examples: [`keystead environments update ${EXAMPLE} --maximum-age 90d --rotation automatic`],
    run: async (invocation) => {
      const body = readPolicy(invocation.values)
      if (Object.keys(body).length === 0) throw usageFailure('nothing to change: see --help')
      return await present(
        invocation,
        await (await invocation.authenticated()).patch(pathOf(invocation), body),
      )
    },
  },
]

function readPolicy(values: Values): JsonObject {
  const overlap = values.text('overlap')
  const selfRotation = values.text('self-rotation')
  if (selfRotation !== undefined && !['on', 'off'].includes(selfRotation))
    throw usageFailure('--self-rotation takes on or off')
  const lengths = LENGTHS.map(([name, field]) => {
    const text = values.text(name)
    return [field, text === undefined ? undefined : text === 'off' ? null : parseDuration(name, text)]
  })
  return given({
    ...(Object.fromEntries(lengths) as JsonObject),
    rotation: values.text('rotation'),
    overlapSeconds: overlap === undefined ? undefined : parseDuration('overlap', overlap),
    selfRotation: selfRotation === undefined ? undefined : selfRotation === 'on',
  })
}

function pathOf(invocation: Invocation): string {
  const project = identifier('prj', invocation.values.positional('project-id'))
  return `/v1/projects/${project}/environments/${encodeURIComponent(invocation.values.positional('environment'))}`
}

async function present(invocation: Invocation, environment: JsonObject): Promise<ExitCode> {
  const policy = isObject(environment['policy']) ? environment['policy'] : {}
  const length = (name: string): string =>
    typeof policy[name] === 'number' ? `${policy[name] / 86_400} days` : 'off'
  await invocation.present(environment, () =>
    renderFields([
      ['project', asText(environment['projectId'])],
      ['environment', asText(environment['environment'])],
      ['maximum age', length('maximumAgeSeconds')],
      ['rotation', asText(policy['rotation'])],
      ['overlap', length('overlapSeconds')],
      ['cutover after silence', length('cutoverSilentSeconds')],
      ['idle expiry', length('idleExpirySeconds')],
      ['holders may rotate', policy['selfRotation'] === true ? 'yes' : 'no'],
      ['record version', asText(environment['version'])],
    ]),
  )
  return EXIT.ok
}
