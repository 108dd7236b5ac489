// As faults.test.ts, on PostgreSQL: each statement is refused, or its connection breaks before or after it, COMMIT included.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Client, DatabaseError, type Pool } from 'pg'
import { type Failing, Fault, faulty } from '../fault.test-support.ts'
import type { Keyring } from '../keystore/keystore.ts'
import { temporaryDatabase } from '../storage/postgres/database.test-support.ts'
import { openPostgres, type PostgresDatabase } from '../storage/postgres/open.ts'
import { openPostgresStore } from '../storage/postgres/store.ts'
import { openInstallation, temporaryFolder, testKeyring } from '../world.test-support.ts'
import { openApiOver } from './api.test-support.ts'
import { CHANGING, failBehind, failEverywhere, type Stage } from './faults.test-support.ts'

/** What the server says when it cannot write. */
const diskFull = (): Error =>
  Object.assign(new DatabaseError('could not extend file: No space left on device', 60, 'error'), {
    code: '53100',
  })
const broken = (): Error =>
  Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' })
const keystoreError = (): Error => new Error('the keystore does not answer')

/** What gives a committed change its position and is run again by itself, by the names of the statements. */
const BEHIND = ['read waiting', 'append', 'read log'] as const

interface Faults {
  /** Of what an operation reads and of its transaction. */
  readonly own: Fault
  /** Of the statements that give positions and follow the log, which other work of the process makes too. */
  readonly behind: Fault
  readonly keystore: Fault
}

function faultyDatabase(database: PostgresDatabase, { own, behind }: Faults): PostgresDatabase {
  const client = (value: unknown): unknown =>
    value instanceof Promise
      ? value.then((each: object) => ('release' in each ? faulty(each, own, ['query']) : each))
      : value
  const service: Pool = faulty(database.service, behind, ['query'], client)
  return { ...database, reads: faulty(database.reads, own, ['query']), service }
}

function faultyKeyring({ keystore }: Faults): Keyring {
  return faulty(testKeyring(), keystore, ['rowMac', 'headMac', 'leafMac', 'commitmentSalt'])
}

/** Null, and the test skipped, without a PostgreSQL. */
async function openStage(t: TestContext): Promise<(Stage & { readonly faults: Faults }) | null> {
  const url = await temporaryDatabase(t)
  if (url === null) return null
  const faults = { own: new Fault(), behind: new Fault(), keystore: new Fault() }
  const database = faultyDatabase(await openPostgres(url), faults)
  const options = { folder: temporaryFolder(t), keyring: faultyKeyring(faults) }
  const world = await openInstallation(t, options, async ({ boot, ...parts }) =>
    openPostgresStore({ database, holder: boot, ...parts }),
  )
  const client = new Client({ connectionString: url, options: '-c search_path=keystead' })
  client.on('error', () => undefined)
  await client.connect()
  t.after(async () => client.end())
  const rows = async (sql: string): Promise<readonly unknown[]> =>
    (await client.query<Record<string, unknown>>(sql)).rows
  return { api: await openApiOver(t, world), rows, faults }
}

const WAYS: readonly (readonly [error: () => Error, failing: Failing])[] = [
  [diskFull, 'before'],
  [broken, 'before'],
  [broken, 'after'],
]

/** Every way for every operation takes a minute: otherwise each operation fails in one of them, in turn. */
const IS_LONG = process.env['KEYSTEAD_TEST_LONG'] === '1'

test('on PostgreSQL, whichever statement or call of the keystore fails, nothing is half done and the next call works', async (t) => {
  const stage = await openStage(t)
  if (stage === null) return
  const { own, behind, keystore } = stage.faults
  for (const [i, operation] of CHANGING.entries()) {
    const isMine = (turn: number, turns: number): boolean => IS_LONG || i % turns === turn
    for (const [turn, [error, failing]] of WAYS.entries()) {
      if (!isMine(turn, WAYS.length)) continue
      const statements = await failEverywhere(stage, operation, own, error, failing)
      assert.ok(statements >= 3, `${statements} statements`)
    }
    for (const [turn, name] of BEHIND.entries())
      for (const failing of ['before', 'after'] as const)
        if (isMine(turn, CHANGING.length)) await failBehind(stage, operation, behind, broken, failing, name)
    if (isMine(0, CHANGING.length / 2)) await failEverywhere(stage, operation, keystore, keystoreError)
  }
  const { refused } = await stage.api.world.store.sweep()
  assert.deepEqual(refused, [])
})
