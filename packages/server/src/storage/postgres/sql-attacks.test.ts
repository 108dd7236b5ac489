import { test, type TestContext } from 'node:test'
import type { ProjectId } from '../../ids.ts'
import { closeOnce, temporaryFolder } from '../../world.test-support.ts'
import { ATTACKS, tryAttack, type Victim } from '../sql-attacks.test-support.ts'
import { asSuperuser, temporaryDatabase } from './database.test-support.ts'
import { type Node, openNode } from './nodes.test-support.ts'

function victim(t: TestContext, url: string, folder: string, node: Node, projectId: ProjectId): Victim {
  const { domain, index, clock } = node
  return {
    ...{ domain, index, clock, projectId },
    async sql(statements) {
      // A superuser can switch off triggers and foreign keys for itself.
      await asSuperuser(url, `SET session_replication_role = replica; ${statements}`)
    },
    value: async (query) => String(Object.values((await asSuperuser(url, query))[0] ?? {})[0]),
    alarms: async () => node.refused.map(({ table, id }) => `${table} ${id}`),
    async restart() {
      await closeOnce(node.store)
      return victim(t, url, folder, await openNode(t, url, folder, clock, projectId), projectId)
    },
  }
}

/** Each wants a database of its own, which takes seconds: a few of them every time, all of them on request. */
const isLong = process.env['KEYSTEAD_TEST_LONG'] === '1'
const EVERY_NTH = 7

for (const attack of ATTACKS.filter((_, i) => isLong || i % EVERY_NTH === 0)) {
  test(`postgres: to ${attack.name} by SQL makes nothing VALID that the log does not justify`, async (t) => {
    const url = await temporaryDatabase(t)
    if (url === null) return
    const folder = temporaryFolder(t)
    const node = await openNode(t, url, folder)
    await tryAttack(victim(t, url, folder, node, node.projectId), attack)
  })
}
