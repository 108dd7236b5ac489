// Each statement, COMMIT and call of the keystore fails once, in each operation that changes something.
import assert from 'node:assert/strict'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { test } from 'node:test'
import { Fault, faulty } from '../fault.test-support.ts'
import type { Keyring } from '../keystore/keystore.ts'
import type { OpenDatabase } from '../storage/sqlite/open.ts'
import { testKeyring } from '../world.test-support.ts'
import { openApi } from './api.test-support.ts'
import { CHANGING, failEverywhere } from './faults.test-support.ts'

const diskError = (): Error =>
  Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 10 })
const keystoreError = (): Error => new Error('the keystore does not answer')

function faultyDatabase(database: OpenDatabase, fault: Fault): OpenDatabase {
  const statement = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && 'all' in value
      ? faulty(value as StatementSync, fault, ['run', 'all'])
      : value
  const connection = (each: DatabaseSync): DatabaseSync => faulty(each, fault, ['exec'], statement)
  return {
    writer: connection(database.writer),
    reader: connection(database.reader),
    openReader: () => connection(database.openReader()),
    close: () => database.close(),
  }
}

function faultyKeyring(fault: Fault): Keyring {
  return faulty(testKeyring(), fault, ['rowMac', 'headMac', 'leafMac', 'commitmentSalt', 'encrypt'])
}

/** An export writes an entry and no row. */
const CALLS_MIN: Readonly<Record<string, number>> = { 'keys.export': 2 }

for (const operation of CHANGING) {
  test(`${operation.id}: whichever statement or call of the keystore fails, nothing is half done and the next call works`, async (t) => {
    const [disk, keystore] = [new Fault(), new Fault()]
    const api = await openApi(t, {
      wrapDatabase: (database) => faultyDatabase(database, disk),
      keyring: faultyKeyring(keystore),
    })
    const { reader } = api.world.database
    const stage = { api, rows: async (sql: string) => reader.prepare(sql).all() }
    const statements = await failEverywhere(stage, operation, disk, diskError)
    assert.ok(statements >= 3, `${statements} statements`)
    const calls = await failEverywhere(stage, operation, keystore, keystoreError)
    assert.ok(calls >= (CALLS_MIN[operation.id] ?? 3), `${calls} calls`)
    const { refused } = await api.world.store.sweep()
    assert.deepEqual(refused, [])
  })
}
