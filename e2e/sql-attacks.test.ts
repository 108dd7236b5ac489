// T-05, T-06, T-07: what a database writer can do leads to no VALID that the log does not justify. All of it on both
// databases is bench/sql-attacks.ts.
import assert from 'node:assert/strict'
import { after, test, type TestContext } from 'node:test'
import { requireOrSkip } from '../tools/required.ts'
import {
  AttackScope,
  type Laboratory,
  postgresLaboratory,
  sqliteLaboratory,
} from './sql-attack-laboratory.ts'
import { ATTACKS, MOMENTS, runAttack } from './sql-attack-run.ts'

const POSTGRES_URL = process.env['KEYSTEAD_TEST_POSTGRES_URL'] ?? ''
/** A copy of a database takes PostgreSQL half a second. */
const POSTGRES_EVERY = 10

const scope = new AttackScope()
after(async () => scope.end())

/** Each attack once, the moments in turn. */
async function tryEach(t: TestContext, laboratory: Laboratory, every: number): Promise<void> {
  for (const [i, attack] of ATTACKS.entries()) {
    const moment = MOMENTS[(i / every) % MOMENTS.length]
    if (moment === undefined) continue
    await t.test(`${attack.table}: ${attack.name}, ${moment}`, async () => {
      const { problems } = await runAttack(laboratory, attack, moment)
      assert.deepEqual(problems, [])
    })
  }
}

test('on SQLite an attack by SQL makes nothing valid that the log does not justify, and is named', async (t) => {
  await tryEach(t, await sqliteLaboratory(scope), 1)
})

test('on PostgreSQL an attack by SQL makes nothing valid that the log does not justify, and is named', async (t) => {
  if (!requireOrSkip(t, POSTGRES_URL !== '', 'PostgreSQL (run through npm test)')) return
  await tryEach(t, await postgresLaboratory(scope, POSTGRES_URL), POSTGRES_EVERY)
})

test('the attacks are aimed at every table that decides or proves something', () => {
  const aimed = new Set(ATTACKS.map(({ table }) => table))
  const tables = [
    'installation',
    'project',
    'environment',
    'owner',
    'role',
    'api_key',
    'bulk_operation',
    'bulk_chunk',
    'import_source',
    'audit_head',
    'key_use',
  ]
  const log = ['audit_entry', 'audit_node', 'audit_target', 'audit_actor', 'audit_checkpoint']
  assert.deepEqual(
    [...tables, ...log].filter((table) => !aimed.has(table)),
    [],
  )
  assert.equal(new Set(ATTACKS.map(({ name }) => name)).size, ATTACKS.length)
})
