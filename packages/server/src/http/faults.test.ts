// Each statement, COMMIT and call of the keystore fails once, in each operation that changes something.
import assert from 'node:assert/strict'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { test } from 'node:test'
import { ERROR_CODES, type ErrorCodeName } from '@keystead/protocol/error-codes'
import type { Keyring } from '../keystore/keystore.ts'
import type { OpenDatabase } from '../storage/sqlite/open.ts'
import { testKeyring, type World } from '../world.test-support.ts'
import { type Api, openApi } from './api.test-support.ts'
import type { Described } from './operation.ts'
import { OPERATIONS } from './operations.ts'
import { sampleOf } from './operations/samples.test-support.ts'

/** Go on in several transactions, each whole: from where one failed, and the answer is the operation once it has begun. */
const CHUNKED: ReadonlySet<string> = new Set(['bulk-operations.undo', 'keys.bulk'])
/** More calls than any operation makes. */
const CALLS_MAX = 200

/** Fails once, at the call after so many others. */
class Fault {
  #left = Number.POSITIVE_INFINITY
  #error: () => Error = () => new Error('not armed')
  fired = false

  arm(after: number, error: () => Error): void {
    this.#left = after
    this.#error = error
    this.fired = false
  }

  disarm(): void {
    this.#left = Number.POSITIVE_INFINITY
  }

  pass(): void {
    if (this.#left-- !== 0) return
    this.fired = true
    throw this.#error()
  }
}

const diskError = (): Error =>
  Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 10 })
const keystoreError = (): Error => new Error('the keystore does not answer')

/** The same object, whose functions pass the fault first. */
function faulty<T extends object>(
  target: T,
  fault: Fault,
  names: readonly string[],
  wrap: (value: unknown) => unknown = (value) => value,
): T {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name, object)
      if (typeof value !== 'function') return value
      return (...args: readonly unknown[]): unknown => {
        // What undoes a failed transaction is not made to fail: SQLite itself undoes it when the process ends.
        if (names.includes(String(name)) && !String(args[0]).startsWith('ROLLBACK')) fault.pass()
        return wrap(Reflect.apply(value, object, args))
      }
    },
  })
}

function faultyDatabase(database: OpenDatabase, fault: Fault): OpenDatabase {
  const statement = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && 'all' in value
      ? faulty(value as StatementSync, fault, ['run', 'all'])
      : value
  const connection = (each: DatabaseSync): DatabaseSync => faulty(each, fault, ['exec'], statement)
  const { reader } = database
  const writer = connection(database.writer)
  return { writer, reader, openReader: () => database.openReader(), close: () => database.close() }
}

function faultyKeyring(fault: Fault): Keyring {
  return faulty(testKeyring(), fault, ['rowMac', 'headMac', 'leafMac', 'commitmentSalt'])
}

/** All sealed rows and the size of the log: what an operation that fails must leave as it was. */
function stateOf({ database, store }: World): string {
  const tables = [
    'project',
    'environment',
    'owner',
    'role',
    'api_key',
    'bulk_operation',
    'bulk_chunk',
    'audit_head',
  ]
  const rows = tables.map((table) => database.reader.prepare(`SELECT * FROM ${table} ORDER BY id`).all())
  const leaves = database.reader.prepare('SELECT count(*) AS n FROM audit_entry').get()
  return JSON.stringify([rows, leaves, store.head().size])
}

/** Lets the operation fail at its first call, its second, and so on, until it passes; answers how often it failed. */
async function failEverywhere(
  api: Api,
  operation: Described,
  fault: Fault,
  error: () => Error,
): Promise<number> {
  for (let after = 0; after < CALLS_MAX; after++) {
    const sample = await sampleOf(operation.id, api.world)
    assert.ok(sample)
    const before = stateOf(api.world)
    fault.arm(after, error)
    const call = { ...(sample.body === undefined ? {} : { body: sample.body }) }
    const answer = await api.call(operation.method, sample.path, call)
    fault.disarm()
    const what = `${operation.id}, call ${after + 1}`
    if (!fault.fired) {
      assert.equal(answer.status, operation.status, `${what}: ${answer.text}`)
      return after
    }
    if (CHUNKED.has(operation.id) && answer.status === operation.status) {
      assert.match(String(answer.json['phase']), /^(running|undoing)$/, what)
      continue
    }
    const code = String(answer.json['code']) as ErrorCodeName
    assert.equal(ERROR_CODES[code].status, answer.status, what)
    assert.ok(answer.status >= 500, `${what}: ${answer.text}`)
    assert.doesNotMatch(answer.text, /disk|keystore|SQL/, `${what}: nothing of the inside is told`)
    // What was begun in chunks is gone on with by its job.
    if (CHUNKED.has(operation.id)) continue
    assert.equal(stateOf(api.world), before, `${what} left something`)
    const again = await api.call(operation.method, sample.path, call)
    assert.equal(again.status, operation.status, `${what}, again: ${again.text}`)
  }
  throw new Error(`${operation.id} makes more than ${CALLS_MAX} calls`)
}

for (const operation of OPERATIONS.filter(({ audit }) => audit !== null)) {
  test(`${operation.id}: whichever statement or call of the keystore fails, nothing is half done and the next call works`, async (t) => {
    const fault = new Fault()
    const api = await openApi(t, {
      wrapDatabase: (database) => faultyDatabase(database, fault),
      keyring: faultyKeyring(fault),
    })
    const statements = await failEverywhere(api, operation, fault, diskError)
    assert.ok(statements >= 3, `${statements} statements`)
    const calls = await failEverywhere(api, operation, fault, keystoreError)
    assert.ok(calls >= 3, `${calls} calls`)
    const { refused } = await api.world.store.sweep()
    assert.deepEqual(refused, [])
  })
}
