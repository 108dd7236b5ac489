import type { Attack } from './sql-attack-catalogue.ts'
import type { Attacker, Row } from './sql-attacker.ts'
import type { Scene } from './sql-attack-scene.ts'

const SIZE = '(SELECT size FROM audit_head)'
const NOTHING: readonly string[] = []

/** An attack on the log as one or more statements. */
function statement(
  attack: Omit<Attack, 'run' | 'touched'>,
  sql: string,
  rows: readonly string[] = NOTHING,
): Attack {
  return {
    ...attack,
    touched: [],
    async run(attacker) {
      await attacker.run(sql)
      return rows
    },
  }
}

async function lastPosition(attacker: Attacker): Promise<number> {
  const [row] = await attacker.rows('SELECT max(position) AS position FROM audit_entry')
  return Number(row?.['position'])
}

/** The log, its tree and its head as they were earlier. */
async function putLogBack(attacker: Attacker, { earlier }: Scene): Promise<number> {
  const size = Number(earlier['audit_head']?.[0]?.['size'])
  await attacker.run(`DELETE FROM audit_entry WHERE position >= ${size};
    DELETE FROM audit_target WHERE position >= ${size}; DELETE FROM audit_head; DELETE FROM audit_node;
    DELETE FROM audit_checkpoint`)
  for (const table of ['audit_head', 'audit_node', 'audit_checkpoint'])
    await addAll(attacker, table, earlier[table])
  return size
}

async function addAll(attacker: Attacker, table: string, rows: readonly Row[] = []): Promise<void> {
  for (const row of rows) await attacker.add(table, row)
}

const ENTRIES: readonly Attack[] = [
  statement(
    { name: 'an old leaf is changed', table: 'audit_entry', whileRunning: 'alarm', atStart: 'refusal' },
    `UPDATE audit_entry SET leaf = (SELECT leaf FROM audit_entry WHERE position = 3) WHERE position = 2`,
    ['2'],
  ),
  statement(
    { name: 'an old leaf is deleted', table: 'audit_entry', whileRunning: 'alarm', atStart: 'refusal' },
    'DELETE FROM audit_entry WHERE position = 2',
    ['2'],
  ),
  {
    ...{ name: 'the last leaf is deleted', table: 'audit_entry', touched: [] },
    ...{ whileRunning: 'alarm', atStart: 'refusal' },
    async run(attacker) {
      const last = await lastPosition(attacker)
      await attacker.run(`DELETE FROM audit_entry WHERE position = ${last}`)
      return [String(last)]
    },
  },
  statement(
    { name: 'a genuine leaf is added again', table: 'audit_entry', whileRunning: 'halt', atStart: 'refusal' },
    `INSERT INTO audit_entry SELECT ${SIZE}, leaf, leaf_hash, action, batch FROM audit_entry WHERE position = 4`,
  ),
  {
    ...{ name: 'two leaves exchange their places', table: 'audit_entry', touched: [] },
    ...{ whileRunning: 'alarm', atStart: 'refusal' },
    async run(attacker) {
      await attacker.run(`UPDATE audit_entry SET position = -1 WHERE position = 5;
        UPDATE audit_entry SET position = 5 WHERE position = 6; UPDATE audit_entry SET position = 6 WHERE position = -1`)
      // Both are genuine: only the root tells, and with it the last leaf is named.
      return [String(await lastPosition(attacker))]
    },
  },
  {
    ...{ name: 'rows and log are put back together', table: 'audit_entry' },
    ...{ touched: [], whileRunning: 'alarm', atStart: 'refusal' },
    async run(attacker, scene) {
      const size = await putLogBack(attacker, scene)
      for (const table of ['api_key', 'role', 'owner']) {
        await attacker.run(`DELETE FROM ${table}`)
        await addAll(attacker, table, scene.earlier[table])
      }
      return [String(size)]
    },
  },
  {
    ...{ name: 'the log is put back, the rows are not', table: 'audit_entry', touched: [] },
    ...{ whileRunning: 'alarm', atStart: 'refusal' },
    run: async (attacker, scene) => [String(await putLogBack(attacker, scene))],
  },
]

const HEAD_WHY = 'the server goes by the head in its memory, and writes it with the next change'
const INDEX_WHY =
  'an index for look-ups: what it leads to is checked against the leaf, and no answer reads it'
const ACTOR_WHY =
  'no answer reads it; a bulk operation over what a caller has touched misses keys, which a dry run shows (T-30)'
const NOTE_WHY = 'a copy of what was published: the server signs again what it has in memory'

const REST: readonly Attack[] = [
  statement(
    {
      ...{ name: 'the head has another size', table: 'audit_head', why: HEAD_WHY },
      ...{ whileRunning: 'harmless', atStart: 'refusal' },
    },
    'UPDATE audit_head SET size = size - 1',
  ),
  statement(
    {
      ...{ name: 'the head has another root', table: 'audit_head', why: HEAD_WHY },
      ...{ whileRunning: 'harmless', atStart: 'refusal' },
    },
    `UPDATE audit_head SET root = 'AAAA'`,
  ),
  statement(
    {
      ...{ name: 'the head is deleted', table: 'audit_head', why: HEAD_WHY },
      ...{ whileRunning: 'harmless', atStart: 'refusal' },
    },
    'DELETE FROM audit_head',
  ),
  {
    ...{ name: 'an earlier head is put back', table: 'audit_head', touched: [], why: HEAD_WHY },
    ...{ whileRunning: 'harmless', atStart: 'refusal' },
    async run(attacker, scene) {
      await attacker.run('DELETE FROM audit_head')
      await addAll(attacker, 'audit_head', scene.earlier['audit_head'])
      return NOTHING
    },
  },
  statement(
    { name: 'a node of the tree is changed', table: 'audit_node', whileRunning: 'alarm', atStart: 'alarm' },
    `UPDATE audit_node SET hash = (SELECT leaf_hash FROM audit_entry WHERE position = 0) WHERE level = 1 AND idx = 2`,
    ['1/2'],
  ),
  statement(
    { name: 'a node of the tree is deleted', table: 'audit_node', whileRunning: 'alarm', atStart: 'alarm' },
    'DELETE FROM audit_node WHERE level = 1 AND idx = 3',
    ['1/3'],
  ),
  statement(
    {
      ...{ name: "a key's events are hidden from look-ups", table: 'audit_target', why: INDEX_WHY },
      ...{ whileRunning: 'harmless', atStart: 'harmless' },
    },
    'DELETE FROM audit_target WHERE position > 3',
  ),
  statement(
    {
      ...{ name: "a key's look-ups lead to other leaves", table: 'audit_target', why: INDEX_WHY },
      ...{ whileRunning: 'harmless', atStart: 'harmless' },
    },
    'UPDATE audit_target SET position = position + 1000',
  ),
  statement(
    {
      ...{ name: 'what a caller has done is hidden from look-ups', table: 'audit_actor', why: ACTOR_WHY },
      ...{ whileRunning: 'harmless', atStart: 'harmless' },
    },
    'DELETE FROM audit_actor',
  ),
  statement(
    {
      ...{ name: 'a caller is said to have done everything', table: 'audit_actor', why: INDEX_WHY },
      ...{ whileRunning: 'harmless', atStart: 'harmless' },
    },
    `DELETE FROM audit_actor; INSERT INTO audit_actor SELECT key.id, position FROM audit_entry, (SELECT min(id) AS id FROM api_key) AS key`,
  ),
  statement(
    {
      ...{ name: 'all checkpoints are deleted', table: 'audit_checkpoint', why: NOTE_WHY },
      ...{ whileRunning: 'harmless', atStart: 'harmless' },
    },
    'DELETE FROM audit_checkpoint',
  ),
  statement(
    {
      ...{ name: 'a checkpoint is changed', table: 'audit_checkpoint', why: NOTE_WHY },
      ...{ whileRunning: 'harmless', atStart: 'refusal' },
    },
    `UPDATE audit_checkpoint SET note = replace(note, 'a', 'b')`,
  ),
  statement(
    {
      ...{ name: 'a use that never happened is counted', table: 'key_use' },
      ...{ whileRunning: 'harmless', atStart: 'harmless' },
      why: 'counts shown to people; no verification reads them',
    },
    `INSERT INTO key_use SELECT id, 1, 'VALID', 1000000, 1 FROM api_key`,
  ),
]

/** What whoever writes to the log and what belongs to it can try. */
export const LOG_ATTACKS: readonly Attack[] = [...ENTRIES, ...REST]
