import assert from 'node:assert/strict'
import { test } from 'node:test'
import { format, inspect } from 'node:util'
import { jsonLog } from './log.ts'
import { Secret } from './secret.ts'

const TEXT = 'hunter2-hunter2'

test('a secret shows itself in no text form', () => {
  const secret = new Secret(TEXT)
  const holder = { secret, list: [secret], map: new Map([['secret', secret]]) }
  const forms = [
    String(secret),
    `${secret as unknown as string}`,
    'the '.concat(secret as unknown as string),
    secret.toString(),
    inspect(secret, { showHidden: true, depth: null, getters: true }),
    inspect(holder, { showHidden: true, depth: null }),
    format('%s %o %O %j', secret, secret, secret, 'x'),
    Object.values(secret).join(),
    Reflect.ownKeys(secret).map(String).join(),
    new Error(`failed with ${secret as unknown as string}`).message,
    inspect(new Error('failed', { cause: secret }), { depth: null }),
    String([secret]),
  ]
  for (const form of forms) assert.ok(!form.includes(TEXT), form)
  assert.equal(String(secret), '[secret]')
})

test('a secret refuses to become JSON, wherever it is in the value', () => {
  const secret = new Secret(TEXT)
  for (const value of [secret, { secret }, [[secret]]]) assert.throws(() => JSON.stringify(value), TypeError)
  assert.deepEqual(Object.keys({ ...secret }), [])
  assert.throws(() => structuredClone({ secret }).secret.reveal())
})

test('a secret in the fields of a log line is refused, not written', () => {
  const lines: string[] = []
  const log = jsonLog(
    (line) => lines.push(line),
    () => 0,
  )
  assert.throws(() => log('info', 'x', { secret: new Secret(TEXT) as unknown as string }), TypeError)
  assert.deepEqual(lines, [])
})

test('secret bytes are overwritten when they are disposed of', () => {
  const bytes = new Uint8Array(32).fill(7)
  {
    using secret = new Secret(bytes)
    assert.equal(secret.reveal(), bytes)
  }
  assert.deepEqual(bytes, new Uint8Array(32))
})
