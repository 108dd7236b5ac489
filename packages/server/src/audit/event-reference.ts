import { AUDIT_ACTIONS } from '@keystead/protocol/audit-actions'
import { EVENT_BYTES_MAX, type AuditEvent, type AuditTarget } from '@keystead/protocol/audit-event'
import { REVOCATION_REASONS, TARGET_TYPES } from '@keystead/protocol/lifecycle'

/** docs/reference/audit-events.md, generated: the members of an event and every action that a log may hold. */
export function renderAuditEventReference(): string {
  return [INTRODUCTION, `## Event\n\n${table(EVENT_MEMBERS)}`, `## Target\n\n${TARGETS}`, actions()].join(
    '\n',
  )
}

const INTRODUCTION = `# Audit events

Every change leaves one event, and every event is one leaf of the log. A leaf is a closed JSON object in the canonical form
of RFC 8785, at most ${EVENT_BYTES_MAX / 1024} KiB. It holds no secret, no digest of one and no names or other free text. How a log is
verified is in [Verify the log](../operate/verify-the-log.md).
`

/** Shape and meaning of each member; the compiler keeps the list complete. */
type Members<Shape> = { readonly [Name in keyof Shape]: readonly [shape: string, meaning: string] }

const EVENT_MEMBERS: Members<AuditEvent> = {
  v: ['`1`', 'the version of this format'],
  id: ['`evt_` + 26 characters', 'the event, unique in the log'],
  nonce: ['16 bytes, base64url', 'random, so that nobody can guess a leaf from its hash; unique in the log'],
  at: ['RFC 3339, UTC, milliseconds', 'when it happened, by the clock of the server'],
  boot: ['`boot_` + 26 characters', 'the run of the server process'],
  node: ['1 to 64 printable ASCII characters', 'the name of the server process (`KEYSTEAD_NODE_NAME`)'],
  project: ['`prj_` + 26 characters, or null', 'the project it belongs to'],
  environment: ['`production`, `staging`, `development`, or null', 'the environment it belongs to'],
  action: ['one of the actions below', 'what was done'],
  outcome: ['`success`, `denied`, `error`', 'how it ended; today every event is a `success`'],
  reason: [
    'text of at most 200 characters, or null',
    `a stable word; of a revocation: ${words(REVOCATION_REASONS)}`,
  ],
  actor: ['`{type, id}`', '`system` with id null, or `root_key` with the id of the key'],
  targets: ['at most 64', 'what was changed, see below; empty when nothing was'],
  request: ['`{id, operation}`, or null', 'the request id of the answer and the operation of the API'],
  details: ['flat object', 'integers, booleans, words and lists of words that depend on the action'],
  mac: ['32 bytes, base64url', 'HMAC under a key that only the server holds; others can check its form only'],
}

const TARGET_MEMBERS: Members<AuditTarget> = {
  type: [TARGET_TYPES.map((type) => `\`${type}\``).join(', '), 'what kind of object'],
  id: ['prefix + 26 characters', 'which one'],
  version: ['integer from 1', 'counts the changes of this object: always one more than in its event before'],
  state: ['`[from, to]`', 'the state before and after; `from` is null in the first event'],
  commitment: ['32 bytes, base64url', 'salted hash of the object’s stored columns after the change'],
}

const TARGETS = `${table(TARGET_MEMBERS)}
States are those of NIST SP 800-57: pre-active, active, suspended, deactivated, compromised, destroyed. Expiry is judged by
time and leaves no event.
`

function actions(): string {
  const rows = Object.entries(AUDIT_ACTIONS).map(
    ([action, { title, description }]) => `### ${action}\n\n${title}. ${description}\n`,
  )
  return `## Actions\n\n${rows.join('\n')}`
}

function table(members: Readonly<Record<string, readonly [shape: string, meaning: string]>>): string {
  const cells = [
    ['member', 'shape', 'meaning'],
    ...Object.entries(members).map(([name, [shape, meaning]]) => [`\`${name}\``, shape, meaning]),
  ]
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`
  const [head = [], ...body] = cells
  return line(head) + line(widths.map((width) => '-'.repeat(width))) + body.map(line).join('')
}

function words(values: Readonly<Record<string, unknown>>): string {
  return Object.keys(values)
    .map((value) => `\`${value}\``)
    .join(', ')
}
