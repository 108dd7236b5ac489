import { REVOCATION_REASONS, SUSPENSION_REASONS } from '@keystead/protocol/lifecycle'
import { CONNECTION_OPTIONS } from '../arguments.ts'
import { type Client, isObject, type JsonObject } from '../client.ts'
import type { Command, Invocation, OptionSpec } from '../command.ts'
import { parseDuration } from '../duration.ts'
import { EXIT, type ExitCode, usageFailure } from '../failure.ts'
import { asObjects, asText, given } from '../fields.ts'
import { describeKey } from '../key-text.ts'
import { LIMIT_OPTIONS, readLimits } from '../key-limits.ts'
import { EXPIRY_OPTIONS, readExpiry } from '../key-times.ts'
import { deliverSecret, planSecret, SECRET_OPTIONS } from '../secret-output.ts'
import { renderTable } from '../table.ts'
import { formatTime } from '../time.ts'
import { identifier, type Values } from '../values.ts'

const ROTATION_REASONS = 'unspecified, scheduled, personnelChange, suspectedCompromise'
const NO_EXPIRY: OptionSpec = { type: 'flag', help: 'the key does not expire any more' }
const NO_ROLE: OptionSpec = { type: 'flag', help: 'the key has no role any more' }
const ANY_ADDRESS: OptionSpec = { type: 'flag', help: 'the key is accepted from any address' }
const EXAMPLE = 'key_01k3f8c2x5w9m7q4t6v0b1n2p3'

type Noun = 'keys' | 'root-keys'

const KEY_ID = { name: 'key-id', help: 'key_...' }

/** get, update, rotate, suspend, resume and revoke are the same for API keys (`keys`) and root keys (`root-keys`). */
export function lifecycleCommands(noun: Noun): readonly Command[] {
  return [
    getCommand(noun),
    updateCommand(noun),
    rotateCommand(noun),
    suspendCommand(noun),
    resumeCommand(noun),
    revokeCommand(noun),
  ]
}

function getCommand(noun: Noun): Command {
  return {
    path: [noun, 'get'],
    summary: `show ${a(noun)}`,
    operations: [`${noun}.get`],
    positionals: [KEY_ID],
    options: CONNECTION_OPTIONS,
    examples: [`keystead ${noun} get ${EXAMPLE}`],
    run: async (invocation) => {
      const path = pathOf(noun, invocation)
      return await presentKey(invocation, await (await invocation.authenticated()).get(path))
    },
  }
}

function updateCommand(noun: Noun): Command {
  return {
    path: [noun, 'update'],
    summary:
      noun === 'keys'
        ? 'change name, permissions, roles, addresses or expiry of an API key'
        : 'change name, permissions or expiry of a root key',
    operations: [`${noun}.update`],
    positionals: [KEY_ID],
    options: {
      name: { type: 'text', help: 'new name' },
      permission: { type: 'list', placeholder: 'PERMISSION', help: 'replaces all permissions' },
      ...EXPIRY_OPTIONS,
      ...(noun === 'keys'
        ? { ...LIMIT_OPTIONS, 'no-role': NO_ROLE, 'any-address': ANY_ADDRESS, 'no-expiry': NO_EXPIRY }
        : {}),
      ...CONNECTION_OPTIONS,
    },
    examples: [`keystead ${noun} update ${EXAMPLE} --name 'read only' --expires-in 30d`],
    run: async (invocation) => {
      const path = pathOf(noun, invocation)
      const { values, world } = invocation
      const body = given({
        name: values.text('name'),
        permissions: values.list('permission'),
        ...(noun === 'keys' ? readNewLimits(values) : {}),
        expiresAt: readNewExpiry(values, world.now()),
      })
      if (Object.keys(body).length === 0)
        throw usageFailure('nothing to change: see --help for what can be given')
      return await presentKey(invocation, await (await invocation.authenticated()).patch(path, body))
    },
  }
}

function rotateCommand(noun: Noun): Command {
  return {
    path: [noun, 'rotate'],
    summary: `give ${a(noun)} a new secret; the old one is accepted during the overlap`,
    operations: [`${noun}.rotate`],
    positionals: [KEY_ID],
    options: {
      overlap: {
        type: 'text',
        placeholder: 'DURATION',
        help: 'how long both are accepted (default 24h, at most 30d; 0s: not at all)',
      },
      reason: { type: 'text', placeholder: 'REASON', help: ROTATION_REASONS },
      ...SECRET_OPTIONS,
      ...CONNECTION_OPTIONS,
    },
    examples: [
      `keystead ${noun} rotate ${EXAMPLE} --overlap 24h --secret-file ./next.key`,
      `keystead ${noun} rotate ${EXAMPLE} --overlap 1h | vault-import`,
    ],
    run: async (invocation) => {
      const { values } = invocation
      const overlap = values.text('overlap')
      const body = given({
        overlapSeconds: overlap === undefined ? undefined : readSeconds('overlap', overlap),
        reason: values.text('reason'),
      })
      return await makeSecret(invocation, pathOf(noun, invocation) + '/rotate', body)
    },
  }
}

function suspendCommand(noun: Noun): Command {
  return {
    path: [noun, 'suspend'],
    summary: `refuse ${a(noun)} until it is resumed`,
    operations: [`${noun}.suspend`],
    positionals: [KEY_ID],
    options: {
      reason: { type: 'text', placeholder: 'REASON', help: SUSPENSION_REASONS.join(', ') },
      ...CONNECTION_OPTIONS,
    },
    examples: [`keystead ${noun} suspend ${EXAMPLE} --reason suspectedCompromise`],
    run: async (invocation) =>
      await changeKey(invocation, noun, 'suspend', given({ reason: invocation.values.text('reason') })),
  }
}

function resumeCommand(noun: Noun): Command {
  return {
    path: [noun, 'resume'],
    summary: `accept ${a(noun)} that was suspended again`,
    operations: [`${noun}.resume`],
    positionals: [KEY_ID],
    options: CONNECTION_OPTIONS,
    examples: [`keystead ${noun} resume ${EXAMPLE}`],
    run: async (invocation) => await changeKey(invocation, noun, 'resume', {}),
  }
}

/** What only API keys have. */
export const API_KEY_LIFECYCLE_COMMANDS: readonly Command[] = [
  {
    path: ['keys', 'usage'],
    summary: 'show how each version of an API key is used, and in an overlap from where',
    operations: ['keys.usage'],
    positionals: [KEY_ID],
    options: CONNECTION_OPTIONS,
    examples: [`keystead keys usage ${EXAMPLE}`],
    run: async (invocation) => {
      const { world } = invocation
      const answer = await (await invocation.authenticated()).get(`${pathOf('keys', invocation)}/usage`)
      const rows = asObjects(answer['versions']).flatMap((version) =>
        [...asObjects(version['answers']), ...asObjects(version['addresses'])].map((use) => ({
          ...use,
          number: version['number'],
        })),
      )
      await invocation.present(answer, () =>
        renderTable<JsonObject>(
          [
            { title: 'VERSION', cell: (use) => asText(use['number']) },
            { title: 'ANSWER', cell: (use) => asText(use['code']) },
            { title: 'ADDRESS', cell: (use) => asText(use['address']) },
            { title: 'COUNT', cell: (use) => asText(use['count']) },
            { title: 'LAST', cell: (use) => formatTime(use['lastAt'], world.now()) },
          ],
          rows,
          world.stdout,
        ),
      )
      return EXIT.ok
    },
  },
  {
    path: ['keys', 'cancel-rotation'],
    summary: 'take back a rotation within its overlap',
    operations: ['keys.cancel-rotation'],
    positionals: [KEY_ID],
    options: CONNECTION_OPTIONS,
    examples: [`keystead keys cancel-rotation ${EXAMPLE}`],
    run: async (invocation) => await changeKey(invocation, 'keys', 'cancel-rotation', {}),
  },
  {
    path: ['keys', 'destroy'],
    summary: 'erase what a key out of use holds, after a delay',
    operations: ['keys.destroy'],
    positionals: [KEY_ID],
    options: {
      in: {
        type: 'text',
        placeholder: 'DURATION',
        help: 'when (default 7d, at most 90d; 0s: with the next round); until then it can be called off',
      },
      ...CONNECTION_OPTIONS,
    },
    notes: ['A tombstone remains: id, locator, owner and times, so that the log can be read.'],
    examples: [`keystead keys destroy ${EXAMPLE} --in 30d`],
    run: async (invocation) => {
      const delay = invocation.values.text('in')
      const delaySeconds = delay === undefined ? undefined : readSeconds('in', delay)
      return await changeKey(invocation, 'keys', 'destroy', given({ delaySeconds }))
    },
  },
  {
    path: ['keys', 'cancel-destruction'],
    summary: 'call off a scheduled destruction',
    operations: ['keys.cancel-destruction'],
    positionals: [KEY_ID],
    options: CONNECTION_OPTIONS,
    examples: [`keystead keys cancel-destruction ${EXAMPLE}`],
    run: async (invocation) => await changeKey(invocation, 'keys', 'cancel-destruction', {}),
  },
]

/** An operation on one key that answers with the key as it is then. */
async function changeKey(
  invocation: Invocation,
  noun: Noun,
  verb: string,
  body: JsonObject,
): Promise<ExitCode> {
  const client = await invocation.authenticated()
  return await presentKey(invocation, await client.post(`${pathOf(noun, invocation)}/${verb}`, body))
}

function revokeCommand(noun: Noun): Command {
  return {
    path: [noun, 'revoke'],
    summary: `revoke ${a(noun)}, for ever`,
    operations: [`${noun}.revoke`],
    positionals: [KEY_ID],
    options: {
      reason: { type: 'text', placeholder: 'REASON', help: Object.keys(REVOCATION_REASONS).join(', ') },
      ...CONNECTION_OPTIONS,
    },
    examples: [`keystead ${noun} revoke ${EXAMPLE} --reason keyCompromise`],
    run: async (invocation) => {
      const path = `${pathOf(noun, invocation)}/revoke`
      const client = await invocation.authenticated()
      const answer = await client.post(path, given({ reason: invocation.values.text('reason') }))
      await invocation.present(answer, () => {
        const position = asText(answer['position'])
        const where = position === '' ? '' : `\n\nrevoked at position ${position} of the audit log`
        return `${describeKey(keyOf(answer), invocation.world)}${where}`
      })
      return EXIT.ok
    },
  }
}

function a(noun: Noun): string {
  return noun === 'keys' ? 'an API key' : 'a root key'
}

function pathOf(noun: Noun, invocation: Invocation): string {
  return `/v1/${noun}/${identifier('key', invocation.values.positional('key-id'))}`
}

/** Calls an operation that answers with a new secret, and delivers it; refuses before the call where it cannot. */
export async function makeSecret(invocation: Invocation, path: string, body: JsonObject): Promise<ExitCode> {
  const { values, world, json } = invocation
  const secretFile = values.text('secret-file')
  const plan = planSecret({
    secretFile,
    show: values.flag('show'),
    json,
    stdoutIsTerminal: world.stdout.isTerminal,
  })
  const client: Client = await invocation.authenticated()
  await deliverSecret({
    world,
    plan,
    secretFile,
    json,
    ask: () => client.post(path, body),
    describe: (answer) => {
      const until = answer['previousAcceptedUntil']
      const previous =
        typeof until === 'number'
          ? `\n\nthe previous secret is accepted until ${formatTime(until, world.now())}`
          : ''
      return `${describeKey(keyOf(answer), world)}${previous}\n`
    },
  })
  return EXIT.ok
}

async function presentKey(invocation: Invocation, key: JsonObject): Promise<ExitCode> {
  await invocation.present(key, () => describeKey(key, invocation.world))
  return EXIT.ok
}

function keyOf(answer: JsonObject): JsonObject {
  const key = answer['key']
  return isObject(key) ? key : {}
}

/** As readLimits; empty lists for --no-role and --any-address. */
function readNewLimits(values: Values): JsonObject {
  const limits: Record<string, unknown> = { ...readLimits(values) }
  for (const [flag, option, field] of [
    ['no-role', 'role', 'roles'],
    ['any-address', 'allow-address', 'allowedAddresses'],
  ] as const) {
    if (!values.flag(flag)) continue
    if (limits[field] !== undefined) throw usageFailure(`--${flag} excludes --${option}`)
    limits[field] = []
  }
  return limits
}

/** As readExpiry; null for --no-expiry. */
function readNewExpiry(values: Values, now: number): number | null | undefined {
  const expiry = readExpiry(values, now)
  if (!values.flag('no-expiry')) return expiry
  if (expiry !== undefined) throw usageFailure('--no-expiry excludes --expires-in and --expires-at')
  return null
}

/** Seconds; 0s is allowed here although no duration is 0: at once. */
function readSeconds(option: string, text: string): number {
  return /^0[smhdw]?$/.test(text) ? 0 : parseDuration(option, text)
}
