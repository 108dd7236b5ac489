import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { aKey, suspended } from '../../keys/keys.test-support.ts'
import { type Api, openApi } from '../api.test-support.ts'

const EXAMPLES = join(import.meta.dirname, '../../../../../examples/monitoring')

/** The value of one series; 0 where there is none. */
async function valueOf(api: Api, series: string): Promise<number> {
  const { text } = await api.call('GET', '/metrics')
  const line = text.split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? 0 : Number(line.slice(series.length + 1))
}

const verified = (code: string, as = 'key') => `keystead_verifications_total{code="${code}",as="${as}"}`

test('what happens is counted', async (t) => {
  const api = await openApi(t)
  const { key, secret } = await aKey(api.world)
  const gateway = await api.rootKey(['keys:verify'])
  const ask = async (text: string) =>
    api.call('POST', '/v1/keys:verify', { credential: gateway, body: { key: text } })
  for (let i = 0; i < 3; i++) await ask(secret.reveal())
  await suspended(api.world, key.id)
  await ask(secret.reveal())
  await ask('nothing')
  await api.call('GET', '/v1/keys', { credential: 'nobody' })
  await api.call('GET', '/v1/nowhere')
  assert.equal(await valueOf(api, verified('VALID')), 3)
  assert.equal(await valueOf(api, verified('SUSPENDED')), 1)
  assert.equal(await valueOf(api, verified('NOT_FOUND')), 1)
  assert.ok((await valueOf(api, verified('VALID', 'caller'))) >= 5)
  assert.equal(await valueOf(api, 'keystead_problems_total{code="access.unauthenticated"}'), 1)
  assert.equal(await valueOf(api, 'keystead_problems_total{code="request.not_found"}'), 1)
  assert.equal(await valueOf(api, 'keystead_requests_total{operation="keys.list",status="401"}'), 1)
  assert.ok((await valueOf(api, 'keystead_request_duration_seconds_count{operation="metrics.get"}')) > 3)
  assert.equal(await valueOf(api, 'keystead_keys'), api.world.verifier.index.size)
  assert.equal(await valueOf(api, 'keystead_audit_log_size'), api.world.store.head().size)
  assert.ok((await valueOf(api, 'keystead_audit_unsigned_leaves')) > 0)
  await api.world.publisher.publish()
  assert.equal(await valueOf(api, 'keystead_audit_unsigned_leaves'), 0)
  assert.deepEqual([await valueOf(api, 'keystead_halted'), await valueOf(api, 'keystead_leader')], [0, 1])
  api.world.store.halt('tried')
  assert.equal(await valueOf(api, 'keystead_halted'), 1)
})

test('what is served adds no series, and no value of it is in one', async (t) => {
  const api = await openApi(t)
  const series = async () =>
    (await api.call('GET', '/metrics')).text.split('\n').filter((line) => /^[a-z]/.test(line))
  const use = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const { key, secret } = await aKey(api.world)
      await api.call('POST', '/v1/keys:verify', { body: { key: secret.reveal() } })
      await api.call('GET', `/v1/keys/${key.id}`)
      await api.call('GET', `/v1/keys/${key.id}x`)
      await api.call('GET', `/v1/unknown-${i}`)
    }
  }
  await use(1)
  await series()
  const before = await series()
  await use(20)
  const after = await series()
  // Node adds series of its own when a kind of collection or resource first occurs, whatever is served: a few kinds.
  const isOurs = (line: string): boolean => !/^nodejs_(gc_duration_seconds|active_)/.test(line)
  assert.equal(after.filter(isOurs).length, before.filter(isOurs).length)
  assert.doesNotMatch(after.join('\n'), /key_|own_|prj_|unknown-|127\.0\.0\.1/)
})

const Board = Compile(
  Type.Object({
    title: Type.String({ minLength: 1 }),
    uid: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }),
    schemaVersion: Type.Integer({ minimum: 39 }),
    templating: Type.Object({
      list: Type.Array(Type.Object({ name: Type.String(), type: Type.Literal('datasource') }), {
        minItems: 1,
      }),
    }),
    panels: Type.Array(
      Type.Object({
        id: Type.Integer({ minimum: 1 }),
        type: Type.Union([Type.Literal('timeseries'), Type.Literal('stat')]),
        title: Type.String({ minLength: 1 }),
        gridPos: Type.Object({
          x: Type.Integer({ minimum: 0, maximum: 23 }),
          y: Type.Integer({ minimum: 0 }),
          w: Type.Integer({ minimum: 1, maximum: 24 }),
          h: Type.Integer({ minimum: 1 }),
        }),
        datasource: Type.Object({ type: Type.Literal('prometheus'), uid: Type.Literal('${datasource}') }),
        targets: Type.Array(
          Type.Object({
            refId: Type.String(),
            expr: Type.String({ minLength: 1 }),
            legendFormat: Type.String(),
          }),
          { minItems: 1 },
        ),
      }),
      { minItems: 1 },
    ),
  }),
)

test('the board and the alarms ask for metrics that there are', async (t) => {
  const api = await openApi(t)
  const board: unknown = JSON.parse(readFileSync(join(EXAMPLES, 'grafana-board.json'), 'utf8'))
  assert.ok(Board.Check(board), JSON.stringify(Board.Errors(board)))
  const ids = board.panels.map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
  const alarms = readFileSync(join(EXAMPLES, 'keystead-alarms.yaml'), 'utf8')
  const expressions = [
    ...board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...[...alarms.matchAll(/^ +expr: (.+)$/gm)].map((match) => match[1] ?? ''),
  ]
  const { text } = await api.call('GET', '/metrics')
  const names = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] ?? ''))
  for (const expression of expressions)
    for (const name of expression.match(/\b(keystead|process|nodejs)_\w+/g) ?? [])
      assert.ok(
        names.has(name.replace(/_(bucket|count|sum)$/, '')) || names.has(name),
        `${name} in ${expression}`,
      )
  assert.ok(expressions.length > 15)
})
