import { CONNECTION_OPTIONS, PAGE_OPTIONS } from '../arguments.ts'
import type { JsonObject } from '../client.ts'
import type { Command, Invocation } from '../command.ts'
import { parseTime } from '../duration.ts'
import { EXIT } from '../failure.ts'
import { asObjects, asText } from '../fields.ts'
import { presentList } from '../pages.ts'
import { renderTable } from '../table.ts'
import { formatLocalMinutes, formatTime } from '../time.ts'
import { identifier } from '../values.ts'

const TIME = { type: 'text', placeholder: 'TIME' } as const

export const USAGE_COMMANDS: readonly Command[] = [
  {
    path: ['usage', 'show'],
    summary: 'how often a key, an owner or a project was used, by minute, hour or day',
    operations: ['usage.list'],
    options: {
      key: { type: 'text', placeholder: 'KEY', help: 'the use of this key' },
      owner: { type: 'text', placeholder: 'OWNER', help: 'the use of all keys of this owner' },
      project: { type: 'text', placeholder: 'PROJECT', help: 'the use of all keys of this project' },
      unknown: { type: 'flag', help: 'texts that proved no key' },
      environment: { type: 'text', placeholder: 'ENVIRONMENT', help: 'only this one' },
      period: { type: 'text', placeholder: 'PERIOD', help: 'minute, hour (default) or day' },
      from: { ...TIME, help: 'RFC 3339; default: 60 periods ago' },
      to: { ...TIME, help: 'RFC 3339, excluded; default: now' },
      limit: { type: 'text', placeholder: 'N', help: 'periods in one page (1 to 200)' },
      cursor: { type: 'text', placeholder: 'CURSOR', help: 'go on where a page ended' },
      ...CONNECTION_OPTIONS,
    },
    notes: [
      'Name exactly one of --key, --owner, --project and --unknown.',
      'Minutes are kept 7 days, hours 13 months, days for ever. What was lost is said below the table.',
    ],
    examples: [
      'keystead usage show --key key_01k3f8c2x5w9m7q4t6v0b1n2p3',
      'keystead usage show --owner own_01k3f8c2x5w9m7q4t6v0b1n2p3 --period day --json',
    ],
    run: showUsage,
  },
  {
    path: ['usage', 'emitters'],
    summary: 'what each run of a server has told about uses, and whether it ended in order',
    operations: ['usage.emitters.list'],
    options: { ...PAGE_OPTIONS, ...CONNECTION_OPTIONS },
    examples: ['keystead usage emitters --all'],
    run: async (invocation) => {
      const now = invocation.world.now()
      await presentList(invocation, {
        path: '/v1/usage/emitters',
        filters: {},
        columns: [
          { title: 'BOOT', cell: (emitter) => asText(emitter['id']) },
          { title: 'NODE', cell: (emitter) => asText(emitter['node']), shrink: true },
          { title: 'STARTED', cell: (emitter) => formatTime(emitter['createdAt'], now), optional: true },
          { title: 'LAST FLUSH', cell: (emitter) => formatTime(emitter['lastFlushAt'], now) },
          { title: 'ENDED', cell: (emitter) => formatTime(emitter['closedAt'], now), optional: true },
          { title: 'USES', cell: (emitter) => asText(emitter['records']) },
          { title: 'DROPPED', cell: (emitter) => asText(emitter['dropped']) },
        ],
      })
      return EXIT.ok
    },
  },
]

async function showUsage(invocation: Invocation) {
  const { values, world } = invocation
  const id = (name: string, prefix: string) => {
    const text = values.text(name)
    return text === undefined ? undefined : identifier(prefix, text)
  }
  const time = (name: string) => {
    const text = values.text(name)
    return text === undefined ? undefined : parseTime(name, text)
  }
  const client = await invocation.authenticated()
  const answer = await client.get('/v1/usage', {
    keyId: id('key', 'key'),
    ownerId: id('owner', 'own'),
    projectId: id('project', 'prj'),
    unknown: values.flag('unknown') ? 'true' : undefined,
    environment: values.text('environment'),
    period: values.text('period'),
    from: time('from'),
    to: time('to'),
    limit: values.integer('limit', 1, 200),
    cursor: values.text('cursor'),
  })
  const rows = asObjects(answer['items']).flatMap((item) =>
    asObjects(item['counts']).map((count) => ({ ...count, startAt: item['startAt'] })),
  )
  await invocation.present(answer, () => (rows.length === 0 ? 'none' : renderCounts(rows, invocation)))
  for (const gap of asObjects(answer['gaps'])) await world.stderr.write(`${describeGap(gap)}\n`)
  const cursor = asText(answer['nextCursor'])
  if (cursor !== '') await world.stderr.write(`there is more: go on with --cursor ${cursor}\n`)
  return EXIT.ok
}

function renderCounts(rows: readonly JsonObject[], { world }: Invocation): string {
  return renderTable(
    [
      { title: 'FROM', cell: (row) => formatLocalMinutes(Number(row['startAt'])) },
      { title: 'ENVIRONMENT', cell: (row) => asText(row['environment']) },
      { title: 'CODE', cell: (row) => asText(row['code']) },
      { title: 'COUNT', cell: (row) => asText(row['count']) },
    ],
    rows,
    world.stdout,
  )
}

function describeGap(gap: JsonObject): string {
  const [from, to] = [formatLocalMinutes(Number(gap['from'])), formatLocalMinutes(Number(gap['to']))]
  const what = gap['dropped'] === null ? 'a server was cut off' : `${asText(gap['dropped'])} uses had no room`
  return `not complete from ${from} to ${to}: ${what} (${asText(gap['boot'])})`
}
