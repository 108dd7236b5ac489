import { CONNECTION_OPTIONS, PAGE_OPTIONS } from '../arguments.ts'
import { isObject, type JsonObject } from '../client.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../failure.ts'
import { asObjects, asText } from '../fields.ts'
import { presentList } from '../pages.ts'
import { type Column, renderFields } from '../table.ts'
import { formatTime } from '../time.ts'
import { parsePosition } from '../values.ts'

export const AUDIT_EVENT_COMMANDS: readonly Command[] = [
  {
    path: ['audit', 'events'],
    summary: 'list audit events',
    operations: ['audit.events.list'],
    options: {
      target: { type: 'text', placeholder: 'ID', help: 'only events of this key, owner, project ...' },
      action: { type: 'text', placeholder: 'ACTION', help: 'only this action, for example key.revoked' },
      ...PAGE_OPTIONS,
      ...CONNECTION_OPTIONS,
    },
    examples: [
      'keystead audit events --target key_01k3f8c2x5w9m7q4t6v0b1n2p3',
      'keystead audit events --action key.revoked --json',
    ],
    run: async (invocation) => {
      const { values, world } = invocation
      await presentList(invocation, {
        path: '/v1/audit/events',
        filters: { targetId: values.text('target'), action: values.text('action') },
        columns: eventColumns(world.now()),
      })
      return EXIT.ok
    },
  },
  {
    path: ['audit', 'event'],
    summary: 'show the audit event at a position of the log',
    operations: ['audit.events.get'],
    positionals: [{ name: 'position', help: '0 is the first event' }],
    options: CONNECTION_OPTIONS,
    examples: ['keystead audit event 42'],
    run: async (invocation) => {
      const position = parsePosition(invocation.values.positional('position'))
      const row = await (await invocation.authenticated()).get(`/v1/audit/events/${position}`)
      await invocation.present(row, () => describeEvent(row, invocation.world.now()))
      return EXIT.ok
    },
  },
]

function eventColumns(now: number): readonly Column<JsonObject>[] {
  return [
    { title: 'POSITION', cell: (row) => asText(row['position']) },
    { title: 'AT', cell: (row) => formatTime(Date.parse(asText(eventOf(row)['at'])), now) },
    { title: 'ACTION', cell: (row) => asText(eventOf(row)['action']) },
    { title: 'OUTCOME', cell: (row) => asText(eventOf(row)['outcome']) },
    {
      title: 'TARGETS',
      cell: (row) => asObjects(eventOf(row)['targets']).map(describeTarget).join(', '),
      shrink: true,
    },
    { title: 'ACTOR', cell: (row) => describeActor(eventOf(row)), optional: true },
  ]
}

function describeEvent(row: JsonObject, now: number): string {
  const event = eventOf(row)
  const request = isObject(event['request']) ? event['request'] : {}
  return renderFields([
    ['position', asText(row['position'])],
    ['event', asText(event['id'])],
    ['at', formatTime(Date.parse(asText(event['at'])), now)],
    ['action', asText(event['action'])],
    ['outcome', asText(event['outcome'])],
    ['reason', asText(event['reason']) || null],
    ['actor', describeActor(event)],
    ['project', asText(event['project']) || null],
    ['environment', asText(event['environment']) || null],
    ...asObjects(event['targets']).map((target) => ['target', describeTarget(target)] as const),
    ['operation', asText(request['operation']) || null],
    ['request', asText(request['id']) || null],
    ['details', JSON.stringify(event['details'] ?? {})],
    ['leaf hash', asText(row['leafHash'])],
  ])
}

/** `key_... v3 active -> deactivated`. */
function describeTarget(target: JsonObject): string {
  const [from, to] = Array.isArray(target['state']) ? target['state'].map(asText) : []
  return `${asText(target['id'])} v${asText(target['version'])} ${from ? `${from} -> ` : ''}${to ?? ''}`
}

function describeActor(event: JsonObject): string {
  const actor = isObject(event['actor']) ? event['actor'] : {}
  return asText(actor['id']) || asText(actor['type'])
}

function eventOf(row: JsonObject): JsonObject {
  return isObject(row['event']) ? row['event'] : {}
}
