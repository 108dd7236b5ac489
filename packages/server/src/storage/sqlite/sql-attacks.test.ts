import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { parseAuditEvent } from '@keystead/protocol/audit-event'
import { recordStart } from '../../bootstrap.ts'
import type { ProjectId } from '../../ids.ts'
import { closeOnce, openWorld, testEmitter, type World } from '../../world.test-support.ts'
import { ATTACKS, tryAttack, type Victim } from '../sql-attacks.test-support.ts'

/** The triggers stop nobody who can write the file, and are put back so that the schema shows nothing. */
function asIntruder({ database }: World, statements: string): void {
  const { writer } = database
  const triggers = writer.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
  writer.exec('PRAGMA foreign_keys = OFF')
  for (const { name } of triggers) writer.exec(`DROP TRIGGER ${String(name)}`)
  writer.exec(statements)
  for (const trigger of triggers) writer.exec(String(trigger['sql']))
  writer.exec('PRAGMA foreign_keys = ON')
}

function victim(t: TestContext, world: World, projectId: ProjectId): Victim {
  const { domain, index, clock, store } = world
  return {
    ...{ domain, index, clock, projectId },
    sql: async (statements) => asIntruder(world, statements),
    value: async (query) => String(Object.values(world.database.writer.prepare(query).get() ?? {})[0]),
    async alarms() {
      if (store.halted() !== null) return []
      // The next commit comes after those of the alarms.
      await recordStart(domain, testEmitter())
      const { reader } = store
      const asked = { targetId: null, action: 'integrity.alarm' }
      const entries = await Promise.all(
        (await reader.auditPositions(asked, -1, 100)).map(async (at) => reader.auditEntries(at, 1)),
      )
      return entries.map(([entry]) => {
        const { details } = parseAuditEvent(entry?.bytes ?? new Uint8Array())
        const { table, row } = details as Record<'table' | 'row', string>
        return `${table} ${row}`
      })
    },
    async restart() {
      await closeOnce(store)
      return victim(t, await openWorld(t, { folder: world.folder, clock, projectId }), projectId)
    },
  }
}

test('there are at least twenty ways in which SQL is tried', () => {
  assert.ok(new Set(ATTACKS.map(({ name }) => name)).size >= 20)
})

for (const attack of ATTACKS) {
  test(`sqlite: to ${attack.name} by SQL makes nothing VALID that the log does not justify`, async (t) => {
    const world = await openWorld(t)
    await tryAttack(victim(t, world, world.projectId), attack)
  })
}
