import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aKey } from '../../keys/keys.test-support.ts'
import { revokeKey } from '../../keys/revoke.ts'
import { may } from '../../world.test-support.ts'
import { openApi } from '../api.test-support.ts'

test('integrity.check answers 200 with ok over what nobody touched, however much it grows meanwhile', async (t) => {
  const api = await openApi(t)
  await Promise.all(Array.from({ length: 150 }, async () => aKey(api.world)))
  const checking = api.call('POST', '/v1/integrity:check', { body: {} })
  await Promise.all(Array.from({ length: 50 }, async () => aKey(api.world)))
  const answer = await checking
  assert.deepEqual([answer.status, answer.json['ok'], answer.json['findings']], [200, true, []])
})

test('integrity.check names each row that is not what was logged, and says what to do', async (t) => {
  const api = await openApi(t)
  const { world } = api
  const [old, gone] = [await aKey(world), await aKey(world)]
  const { writer } = world.database
  writer.exec(`CREATE TEMP TABLE earlier AS SELECT * FROM api_key WHERE id = '${old.key.id}'`)
  await revokeKey(world.domain, may('keys:revoke'), 'issued', old.key.id, 'unspecified')
  writer.exec(`DELETE FROM api_key WHERE id IN ('${old.key.id}', '${gone.key.id}')`)
  writer.exec('INSERT INTO api_key SELECT * FROM earlier')
  writer.exec("DROP TRIGGER audit_entry_is_final; UPDATE audit_entry SET leaf = x'7b7d' WHERE position = 1")
  const { json } = await api.call('POST', '/v1/integrity:check', { body: {} })
  assert.equal(json['ok'], false)
  const findings = json['findings'] as unknown as { table: string; row: string; help: string }[]
  const found = findings.map(({ table, row }) => `${table} ${row}`)
  for (const name of [`api_key ${old.key.id}`, `api_key ${gone.key.id}`, 'audit_entry 1', 'audit_entry -'])
    assert.ok(found.includes(name), name)
  assert.ok(findings.every(({ help }) => help.length > 20))
})
