import { CONNECTION_OPTIONS, PAGE_OPTIONS, PROJECT_OPTION, ENVIRONMENT_OPTION } from '../arguments.ts'
import { isObject, type JsonObject } from '../client.ts'
import type { Command, Invocation } from '../command.ts'
import { readKeyFile } from '../connection.ts'
import { EXIT, type ExitCode, usageFailure } from '../failure.ts'
import { asText, given } from '../fields.ts'
import { presentList } from '../pages.ts'
import { renderFields } from '../table.ts'
import { formatTime } from '../time.ts'
import { identifier, type Values } from '../values.ts'

const SOURCE = { name: 'source-id', help: 'ims_...' } as const
const EXAMPLE = 'ims_01k3f8c2x5w9m7q4t6v0b1n2p3'
/** As the API has it. */
const LOOKUP_LENGTH_MAX = 256
const OCCURRENCES_MAX = 8

export const IMPORT_SOURCE_COMMANDS: readonly Command[] = [
  {
    path: ['import-sources', 'create'],
    summary: 'describe how another system kept its keys, before they are imported',
    operations: ['import-sources.create'],
    options: {
      name: { type: 'text', help: 'name, unique in the environment', required: true },
      environment: ENVIRONMENT_OPTION,
      algorithm: {
        type: 'text',
        placeholder: 'ALGORITHM',
        help: 'sha256, sha512, hmac-sha256, bcrypt, argon2id or scrypt',
        required: true,
      },
      'lookup-separator': {
        type: 'text',
        placeholder: 'TEXT',
        help: 'what comes before it in a key says which key it is',
      },
      'lookup-occurrence': {
        type: 'text',
        placeholder: 'N',
        help: 'before which separator it ends (default 1)',
      },
      'lookup-length': {
        type: 'text',
        placeholder: 'N',
        help: 'the first N characters of a key say which key it is',
      },
      'hash-of-rest': { type: 'flag', help: 'only what comes after the look-up part was hashed' },
      'secret-file': { type: 'text', placeholder: 'FILE', help: 'file with the key of hmac-sha256' },
      'secret-encoding': { type: 'text', placeholder: 'FORM', help: 'utf8 (default), hex or base64' },
      project: PROJECT_OPTION,
      ...CONNECTION_OPTIONS,
    },
    notes: [
      'bcrypt, argon2id and scrypt are slow on purpose: they need a look-up part, so that one hash is made, not thousands.',
      'A source cannot be changed or removed; an environment has at most 8.',
    ],
    examples: [
      'keystead import-sources create --name unkey --environment production --algorithm sha256',
      'keystead import-sources create --name legacy --environment production --algorithm bcrypt \\',
      '    --lookup-separator . --hash-of-rest',
      'keystead import-sources create --name peppered --environment production --algorithm hmac-sha256 \\',
      '    --secret-file ./pepper --secret-encoding hex',
    ],
    run: async (invocation) => {
      const { values, world } = invocation
      const secretFile = values.text('secret-file')
      const secret = secretFile === undefined ? null : await readKeyFile(secretFile)
      if (secret !== null && secret.warning !== null) await world.stderr.write(`warning: ${secret.warning}\n`)
      const body = given({
        projectId: values.text('project'),
        environment: values.required('environment'),
        name: values.required('name'),
        algorithm: values.required('algorithm'),
        lookup: readLookup(values),
        hashes: values.flag('hash-of-rest') ? 'rest' : undefined,
        secret: secret?.text,
        secretEncoding: values.text('secret-encoding'),
      })
      const client = await invocation.authenticated()
      return await presentSource(invocation, await client.post('/v1/import-sources', body))
    },
  },
  {
    path: ['import-sources', 'list'],
    summary: 'list import sources',
    operations: ['import-sources.list'],
    options: {
      project: { type: 'text', placeholder: 'PROJECT', help: 'only this project' },
      ...PAGE_OPTIONS,
      ...CONNECTION_OPTIONS,
    },
    examples: ['keystead import-sources list'],
    run: async (invocation) => {
      await presentList(invocation, {
        path: '/v1/import-sources',
        filters: { projectId: invocation.values.text('project') },
        columns: [
          { title: 'SOURCE', cell: (source) => asText(source['id']) },
          { title: 'NAME', cell: (source) => asText(source['name']) },
          { title: 'ENVIRONMENT', cell: (source) => asText(source['environment']) },
          { title: 'ALGORITHM', cell: (source) => asText(source['algorithm']) },
          { title: 'LOOK-UP', cell: describeLookup, optional: true },
        ],
      })
      return EXIT.ok
    },
  },
  {
    path: ['import-sources', 'get'],
    summary: 'show one import source',
    operations: ['import-sources.get'],
    positionals: [SOURCE],
    options: CONNECTION_OPTIONS,
    examples: [`keystead import-sources get ${EXAMPLE}`],
    run: async (invocation) => {
      const id = identifier('ims', invocation.values.positional('source-id'))
      const client = await invocation.authenticated()
      return await presentSource(invocation, await client.get(`/v1/import-sources/${id}`))
    },
  },
]

function readLookup(values: Values): JsonObject | undefined {
  const separator = values.text('lookup-separator')
  const occurrence = values.integer('lookup-occurrence', 1, OCCURRENCES_MAX)
  const length = values.integer('lookup-length', 1, LOOKUP_LENGTH_MAX)
  if (separator !== undefined && length !== undefined)
    throw usageFailure('--lookup-separator and --lookup-length exclude each other')
  if (occurrence !== undefined && separator === undefined)
    throw usageFailure('--lookup-occurrence needs --lookup-separator')
  if (length !== undefined) return { length }
  return separator === undefined ? undefined : { separator, occurrence: occurrence ?? 1 }
}

function describeLookup({ lookup }: JsonObject): string {
  if (!isObject(lookup)) return 'none'
  if (lookup['length'] !== undefined) return `first ${asText(lookup['length'])} characters`
  return `before ${JSON.stringify(lookup['separator'])} number ${asText(lookup['occurrence'])}`
}

async function presentSource(invocation: Invocation, source: JsonObject): Promise<ExitCode> {
  await invocation.present(source, () =>
    renderFields([
      ['source', asText(source['id'])],
      ['name', asText(source['name'])],
      ['project', asText(source['projectId'])],
      ['environment', asText(source['environment'])],
      ['algorithm', asText(source['algorithm'])],
      ['look-up part', describeLookup(source)],
      ['hashed', source['hashes'] === 'rest' ? 'what comes after the look-up part' : 'the whole text'],
      ['created', formatTime(source['createdAt'], invocation.world.now())],
    ]),
  )
  return EXIT.ok
}
