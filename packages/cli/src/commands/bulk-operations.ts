import { REVOCATION_REASONS } from '@keystead/protocol/lifecycle'
import { setTimeout as pause } from 'node:timers/promises'
import { CONNECTION_OPTIONS, PAGE_OPTIONS } from '../arguments.ts'
import { type Client, isObject, type JsonObject } from '../client.ts'
import type { Command, Invocation, OptionSpec } from '../command.ts'
import { parseDuration, parseTime } from '../duration.ts'
import { EXIT, type ExitCode, usageFailure } from '../failure.ts'
import { asObjects, asText, asTexts, given } from '../fields.ts'
import { EXPIRY_OPTIONS, readExpiry } from '../key-times.ts'
import { presentList } from '../pages.ts'
import { renderFields } from '../table.ts'
import { formatTime } from '../time.ts'
import { identifier, type Values } from '../values.ts'

/** The server commits some hundred chunks a second, and a person reads no faster. */
const POLL_MS = 250
/** Ten minutes; the server goes on whoever looks. */
const POLLS_MAX = 2_400
const BUSY_PHASES: readonly unknown[] = ['running', 'concluding', 'undoing']
const EXAMPLE = 'blk_01k3f8c2x5w9m7q4t6v0b1n2p3'
const OPERATION = { name: 'bulk-operation-id', help: 'blk_...' } as const
const NO_EXPIRY: OptionSpec = { type: 'flag', help: 'update: the keys do not expire any more' }

const QUERY_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  project: { type: 'text', placeholder: 'PROJECT', help: 'may be left out where there is only one' },
  environment: { type: 'text', placeholder: 'ENV', help: 'only this environment' },
  owner: { type: 'list', placeholder: 'OWNER', help: 'keys of these owners' },
  state: { type: 'text', placeholder: 'STATE', help: 'keys in this state, such as active or expired' },
  allowed: { type: 'text', placeholder: 'PERMISSION', help: 'keys that are allowed this' },
  role: { type: 'text', placeholder: 'ROLE', help: 'keys with this role' },
  'created-after': { type: 'text', placeholder: 'TIME', help: 'keys made after it' },
  'created-before': { type: 'text', placeholder: 'TIME', help: 'keys made before it' },
  'unused-since': { type: 'text', placeholder: 'TIME', help: 'keys that have not been accepted since' },
  'rotated-before': { type: 'text', placeholder: 'TIME', help: 'keys whose current version is older' },
  'name-prefix': { type: 'text', placeholder: 'TEXT', help: 'keys whose name begins so' },
  key: { type: 'list', placeholder: 'KEY', help: 'these keys' },
  'touched-by': {
    type: 'text',
    placeholder: 'KEY',
    help: 'keys whose secret this root key has seen: it created, rotated or imported them',
  },
  'every-key': { type: 'flag', help: 'no criterion at all' },
}

const PARAMETER_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  reason: {
    type: 'text',
    placeholder: 'REASON',
    help: `revoke: ${Object.keys(REVOCATION_REASONS).join(', ')}`,
  },
  overlap: {
    type: 'text',
    placeholder: 'DURATION',
    help: 'rotate: how long the current version is still accepted',
  },
  'add-permission': { type: 'list', placeholder: 'PERMISSION', help: 'update: give these' },
  'remove-permission': { type: 'list', placeholder: 'PERMISSION', help: 'update: take these away' },
  ...EXPIRY_OPTIONS,
  'no-expiry': NO_EXPIRY,
}

export const BULK_COMMANDS: readonly Command[] = [
  {
    path: ['keys', 'bulk'],
    summary: 'suspend, revoke, rotate or update all API keys that a query names',
    operations: ['keys.bulk'],
    positionals: [{ name: 'action', help: 'suspend, revoke, rotate or update' }],
    options: {
      ...QUERY_OPTIONS,
      ...PARAMETER_OPTIONS,
      undo: {
        type: 'text',
        placeholder: 'DURATION',
        help: 'how long it can be undone (default 10m, at most 7d; 0s: not at all)',
      },
      'dry-run': { type: 'flag', help: 'change nothing; say what would be changed' },
      confirm: { type: 'text', placeholder: 'TEXT', help: 'from a dry run of the same command' },
      ...CONNECTION_OPTIONS,
    },
    notes: [
      'With an undo window, revoke suspends the keys at once and revokes them when the window is over.',
      'rotate sets an end to the current versions; each holder gets a new secret by keys rotate.',
      'More than 100 keys are changed only with --confirm.',
    ],
    examples: [
      'keystead keys bulk revoke --owner own_01k3f8c2x5w9m7q4t6v0b1n2p3 --reason keyCompromise --dry-run',
      'keystead keys bulk rotate --touched-by key_01k3f8c2x5w9m7q4t6v0b1n2p3 --overlap 7d',
      'keystead keys bulk suspend --unused-since 2026-08-01T00:00:00Z --undo 7d',
    ],
    run: async (invocation) => {
      const client = await invocation.authenticated()
      const answer = await client.post('/v1/keys:bulk', requestBody(invocation))
      const started = answer['operation']
      const operation = isObject(started) ? await followed(invocation, client, started) : null
      await invocation.present({ ...answer, operation }, () => {
        const preview = isObject(answer['preview']) ? answer['preview'] : {}
        return operation === null ? describePreview(preview) : describeOperation(operation, invocation)
      })
      return exitCodeOf(operation)
    },
  },
  {
    path: ['bulk-operations', 'list'],
    summary: 'list bulk operations',
    operations: ['bulk-operations.list'],
    options: { ...PAGE_OPTIONS, ...CONNECTION_OPTIONS },
    examples: ['keystead bulk-operations list --all'],
    run: async (invocation) => {
      const now = invocation.world.now()
      await presentList(invocation, {
        path: '/v1/bulk-operations',
        filters: {},
        columns: [
          { title: 'OPERATION', cell: (row) => asText(row['id']) },
          { title: 'ACTION', cell: (row) => asText(row['action']) },
          { title: 'PHASE', cell: (row) => asText(row['phase']) },
          { title: 'KEYS', cell: (row) => `${asText(row['changed'])}/${asText(row['total'])}` },
          { title: 'UNDO UNTIL', cell: (row) => formatTime(row['undoUntil'], now), optional: true },
        ],
      })
      return EXIT.ok
    },
  },
  {
    path: ['bulk-operations', 'get'],
    summary: 'show a bulk operation and how far it has come',
    operations: ['bulk-operations.get'],
    positionals: [OPERATION],
    options: CONNECTION_OPTIONS,
    examples: [`keystead bulk-operations get ${EXAMPLE}`],
    run: async (invocation) => {
      const client = await invocation.authenticated()
      return await presentOperation(invocation, await client.get(pathOf(invocation)))
    },
  },
  {
    path: ['bulk-operations', 'undo'],
    summary: 'put back what a bulk operation changed and nobody has touched since',
    operations: ['bulk-operations.undo'],
    positionals: [OPERATION],
    options: CONNECTION_OPTIONS,
    examples: [`keystead bulk-operations undo ${EXAMPLE}`],
    run: async (invocation) => {
      const client = await invocation.authenticated()
      const answer = await client.post(`${pathOf(invocation)}/undo`, {})
      return await presentOperation(invocation, await followed(invocation, client, answer))
    },
  },
]

function requestBody({ values, world }: Invocation): JsonObject {
  const expiry = readExpiry(values, world.now())
  if (expiry !== undefined && values.flag('no-expiry'))
    throw usageFailure('--no-expiry excludes --expires-in and --expires-at')
  return given({
    projectId: values.text('project'),
    environment: values.text('environment'),
    action: values.positional('action'),
    query: given({
      ownerIds: values.list('owner'),
      state: values.text('state'),
      permission: values.text('allowed'),
      roleId: values.text('role'),
      createdAfter: timeOf(values, 'created-after'),
      createdBefore: timeOf(values, 'created-before'),
      unusedSince: timeOf(values, 'unused-since'),
      rotatedBefore: timeOf(values, 'rotated-before'),
      namePrefix: values.text('name-prefix'),
      keyIds: values.list('key'),
      touchedBy: values.text('touched-by'),
      all: values.flag('every-key') ? true : undefined,
    }),
    parameters: given({
      reason: values.text('reason'),
      overlapSeconds: secondsOf(values, 'overlap'),
      permissionsAdd: values.list('add-permission'),
      permissionsRemove: values.list('remove-permission'),
      expiresAt: values.flag('no-expiry') ? null : expiry,
    }),
    undoSeconds: secondsOf(values, 'undo'),
    dryRun: values.flag('dry-run') ? true : undefined,
    confirm: values.text('confirm'),
  })
}

function timeOf(values: Values, option: string): number | undefined {
  const text = values.text(option)
  return text === undefined ? undefined : parseTime(option, text)
}

/** Seconds; 0s is allowed here although no duration is 0: it means none. */
function secondsOf(values: Values, option: string): number | undefined {
  const text = values.text(option)
  if (text === undefined) return undefined
  return /^0[smhdw]?$/.test(text) ? 0 : parseDuration(option, text)
}

/** The operation once the server has finished what it has begun, with a line of progress until then. */
async function followed(invocation: Invocation, client: Client, started: JsonObject): Promise<JsonObject> {
  const { stderr } = invocation.world
  let operation = started
  for (let polls = 0; polls < POLLS_MAX && BUSY_PHASES.includes(operation['phase']); polls++) {
    const [from, to] = stderr.isTerminal ? ['\r', ''] : ['', '\n']
    await stderr.write(`${from}${progressOf(operation)}${to}`)
    await pause(POLL_MS)
    operation = await client.get(`/v1/bulk-operations/${identifier('blk', asText(started['id']))}`)
    if (stderr.isTerminal && !BUSY_PHASES.includes(operation['phase'])) await stderr.write('\n')
  }
  return operation
}

function progressOf(operation: JsonObject): string {
  const number = (name: string): number => Number(operation[name] ?? 0)
  const isRunning = operation['phase'] === 'running'
  const done = isRunning ? number('changed') + number('skipped') : number('settled') + number('kept')
  return `${asText(operation['phase'])}: ${done} of ${isRunning ? number('total') : number('changed')} keys`
}

function describePreview(preview: JsonObject): string {
  const skipped = asObjects(preview['skipped']).map(
    (row) => `${asText(row['count'])} ${asText(row['reason'])}`,
  )
  const owners = asObjects(preview['owners']).map(
    (row) => `${asText(row['ownerId'])} ${asText(row['count'])}`,
  )
  return renderFields([
    ['nothing was changed', ''],
    ['keys named', asText(preview['total'])],
    ['would change', asText(preview['affected'])],
    ['would stay', skipped.join(', ') || null],
    ['owners', owners.join(', ') || null],
    ['for example', asTexts(preview['sample']).join(', ') || null],
    ['confirm', asText(preview['confirm'])],
  ])
}

function describeOperation(operation: JsonObject, { world }: Invocation): string {
  const count = (name: string): string | null => (operation[name] === 0 ? null : asText(operation[name]))
  return renderFields([
    ['bulk operation', asText(operation['id'])],
    ['action', asText(operation['action'])],
    ['phase', asText(operation['phase'])],
    ['keys named', asText(operation['total'])],
    ['changed', asText(operation['changed'])],
    ['skipped', count('skipped')],
    ['settled', count('settled')],
    ['kept as others made them', count('kept')],
    ['undo until', operation['undoUntil'] === null ? null : formatTime(operation['undoUntil'], world.now())],
  ])
}

async function presentOperation(invocation: Invocation, operation: JsonObject): Promise<ExitCode> {
  await invocation.present(operation, () => describeOperation(operation, invocation))
  return exitCodeOf(operation)
}

function exitCodeOf(operation: JsonObject | null): ExitCode {
  return operation?.['phase'] === 'failed' ? EXIT.refused : EXIT.ok
}

function pathOf(invocation: Invocation): string {
  return `/v1/bulk-operations/${identifier('blk', invocation.values.positional('bulk-operation-id'))}`
}
