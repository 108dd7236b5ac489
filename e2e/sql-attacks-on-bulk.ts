import { alter, type Attack, copy, putBack, remove } from './sql-attack-catalogue.ts'
import type { Attacker } from './sql-attacker.ts'
import type { Scene } from './sql-attack-scene.ts'

const OPERATIONS: readonly Attack[] = [
  alter('a suspension is said to be undone', 'bulk_operation', [], ({ bulk }) => [
    bulk.suspension,
    { phase: 'undoing', position: null },
  ]),
  alter('a suspension becomes a revocation', 'bulk_operation', [], ({ bulk }) => [
    bulk.suspension,
    { action: 'revoke' },
  ]),
  alter('a revocation that waits is called off', 'bulk_operation', [], ({ bulk }) => [
    bulk.revocation,
    { phase: 'done' },
  ]),
  alter('a suspension begins again, and means every key', 'bulk_operation', [], ({ bulk }) => [
    bulk.suspension,
    { phase: 'running', query: '{"all":true}', total: 100 },
  ]),
  alter("a bulk operation's undo window has no end", 'bulk_operation', [], ({ bulk }) => [
    bulk.revocation,
    { undo_until: 9_000_000_000_000 },
  ]),
  putBack('a revocation that was undone waits again', 'bulk_operation', [], ({ bulk }) => bulk.undone),
  remove('a bulk operation is deleted', 'bulk_operation', [], ({ bulk }) => bulk.revocation),
  copy('a bulk operation is there twice', 'bulk_operation', ({ bulk }) => bulk.suspension, {
    phase: 'undoing',
  }),
]

const CHUNKS: readonly Attack[] = [
  chunk('a chunk names another key', async (attacker, { cast, bulk }, id) => {
    const [row] = await attacker.rows(
      `SELECT items FROM bulk_chunk WHERE operation_id = '${bulk.revocation}'`,
    )
    const items = String(row?.['items']).replaceAll(cast.condemned.id, cast.bystander.id)
    await attacker.change('bulk_chunk', id, { items })
  }),
  chunk('a chunk is deleted', async (attacker, _scene, id) => attacker.remove('bulk_chunk', id)),
  chunk('a chunk is given to another operation', async (attacker, { bulk }, id) =>
    attacker.change('bulk_chunk', id, { operation_id: bulk.undone, number: 9 }),
  ),
]

/** Something is done to the chunk of the revocation that waits. */
function chunk(name: string, run: (attacker: Attacker, scene: Scene, id: string) => Promise<void>): Attack {
  return {
    ...{ name, table: 'bulk_chunk', touched: [], whileRunning: 'alarm', atStart: 'alarm' },
    async run(attacker, scene) {
      const [row] = await attacker.rows(
        `SELECT id FROM bulk_chunk WHERE operation_id = '${scene.bulk.revocation}'`,
      )
      const id = String(row?.['id'])
      await run(attacker, scene, id)
      return [id]
    },
  }
}

/** What whoever writes to the tables of bulk operations can try: to have keys resumed, spared or revoked. */
export const BULK_ATTACKS: readonly Attack[] = [...OPERATIONS, ...CHUNKS]
