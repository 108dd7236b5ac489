import { CONNECTION_OPTIONS, PAGE_OPTIONS, PROJECT_OPTION } from '../arguments.ts'
import { isObject, type JsonObject } from '../client.ts'
import type { Command, Invocation, OptionSpec } from '../command.ts'
import { EXIT, usageFailure } from '../failure.ts'
import { asText, given } from '../fields.ts'
import { presentList } from '../pages.ts'
import { renderFields } from '../table.ts'
import { formatTime } from '../time.ts'
import { identifier, type Values } from '../values.ts'

const METADATA: OptionSpec = {
  type: 'list',
  placeholder: 'NAME=TEXT',
  help: 'what verifications of the owner’s keys answer with; together 2 KiB',
}
const OWNER = { name: 'owner-id', help: 'own_...' } as const

export const OWNER_COMMANDS: readonly Command[] = [
  {
    path: ['owners', 'create'],
    summary: 'register an owner, the party that API keys belong to',
    operations: ['owners.create'],
    options: {
      'external-id': {
        type: 'text',
        placeholder: 'ID',
        help: 'what your own systems call the owner',
        required: true,
      },
      name: { type: 'text', help: 'display name' },
      metadata: METADATA,
      project: PROJECT_OPTION,
      ...CONNECTION_OPTIONS,
    },
    examples: ["keystead owners create --external-id customer-1042 --name 'Acme Trading'"],
    run: async (invocation) => {
      const { values } = invocation
      const body = given({
        projectId: values.text('project'),
        externalId: values.required('external-id'),
        name: values.text('name'),
        metadata: readMetadata(values),
      })
      return await presentOwner(invocation, await (await invocation.authenticated()).post('/v1/owners', body))
    },
  },
  {
    path: ['owners', 'list'],
    summary: 'list owners',
    operations: ['owners.list'],
    options: {
      project: PROJECT_OPTION,
      'external-id': { type: 'text', placeholder: 'ID', help: 'only the owner with this external id' },
      ...PAGE_OPTIONS,
      ...CONNECTION_OPTIONS,
    },
    examples: ['keystead owners list', 'keystead owners list --external-id customer-1042 --json'],
    run: async (invocation) => {
      const { values, world } = invocation
      const now = world.now()
      await presentList(invocation, {
        path: '/v1/owners',
        filters: { projectId: values.text('project'), externalId: values.text('external-id') },
        columns: [
          { title: 'OWNER', cell: (owner) => asText(owner['id']) },
          { title: 'EXTERNAL ID', cell: (owner) => asText(owner['externalId']), shrink: true },
          { title: 'NAME', cell: (owner) => asText(owner['name']), shrink: true, optional: true },
          { title: 'CREATED', cell: (owner) => formatTime(owner['createdAt'], now), optional: true },
        ],
      })
      return EXIT.ok
    },
  },
  {
    path: ['owners', 'get'],
    summary: 'show one owner',
    operations: ['owners.get'],
    positionals: [OWNER],
    options: CONNECTION_OPTIONS,
    examples: ['keystead owners get own_01k3f8c2x5w9m7q4t6v0b1n2p3'],
    run: async (invocation) => {
      const id = identifier('own', invocation.values.positional('owner-id'))
      return await presentOwner(invocation, await (await invocation.authenticated()).get(`/v1/owners/${id}`))
    },
  },
  {
    path: ['owners', 'update'],
    summary: 'rename an owner, or replace its metadata',
    operations: ['owners.update'],
    positionals: [OWNER],
    options: { name: { type: 'text', help: 'new display name' }, metadata: METADATA, ...CONNECTION_OPTIONS },
    examples: ["keystead owners update own_01k3f8c2x5w9m7q4t6v0b1n2p3 --name 'Acme Capital'"],
    run: async (invocation) => {
      const id = identifier('own', invocation.values.positional('owner-id'))
      const body = given({
        name: invocation.values.text('name'),
        metadata: readMetadata(invocation.values),
      })
      if (Object.keys(body).length === 0) throw usageFailure('nothing to change: give --name or --metadata')
      const client = await invocation.authenticated()
      return await presentOwner(invocation, await client.patch(`/v1/owners/${id}`, body))
    },
  },
]

function readMetadata(values: Values): Record<string, string> | undefined {
  const texts = values.list('metadata')
  if (texts === undefined) return undefined
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      if (at < 1) throw usageFailure(`--metadata takes NAME=TEXT, not ${JSON.stringify(text.slice(0, 80))}`)
      return [text.slice(0, at), text.slice(at + 1)]
    }),
  )
}

function describeMetadata(metadata: JsonObject): string | null {
  const pairs = Object.entries(metadata).map(([name, value]) => `${name}=${asText(value)}`)
  return pairs.length === 0 ? null : pairs.join(', ')
}

async function presentOwner(invocation: Invocation, owner: JsonObject) {
  await invocation.present(owner, () =>
    renderFields([
      ['owner', asText(owner['id'])],
      ['external id', asText(owner['externalId'])],
      ['name', asText(owner['name']) || null],
      ['metadata', isObject(owner['metadata']) ? describeMetadata(owner['metadata']) : null],
      ['project', asText(owner['projectId'])],
      ['created', formatTime(owner['createdAt'], invocation.world.now())],
      ['record version', asText(owner['version'])],
    ]),
  )
  return EXIT.ok
}
