import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare, type Entry, judge, LogFold, type Standing } from './crash-ledger.ts'

const entry: Entry = {
  type: 'api_key',
  id: 'key_1',
  acknowledged: { version: 2, permissions: 'market:read' },
  pending: { version: 3, permissions: 'market:read,orders:trade' },
  parameters: { keyId: 'key_1' },
  secrets: {},
  taken: [],
}

test('an acknowledged change may be found, and one that was under way may be found or not', () => {
  assert.equal(judge(entry, { version: 2, permissions: 'market:read' }), null)
  assert.equal(judge(entry, { version: 3, permissions: 'market:read,orders:trade' }), null)
})

test('a planted loss is named: the object gone, an older version, another content, a change nobody asked for', () => {
  assert.match(judge(entry, null) ?? '', /gone/)
  assert.match(judge(entry, { version: 1, permissions: 'market:read' }) ?? '', /found/)
  assert.match(judge(entry, { version: 2, permissions: 'funds:withdraw' }) ?? '', /found/)
  assert.match(judge({ ...entry, pending: null }, entry.pending) ?? '', /found/)
})

const standing = (...versions: readonly (readonly [string, number, string?])[]): Map<string, Standing> =>
  new Map(versions.map(([name, version, state = 'active']) => [name, { version, state }]))

test('rows and log that agree have no difference', () => {
  assert.deepEqual(compare(standing(['a', 2], ['b', 1]), standing(['b', 1], ['a', 2])), [])
})

test('each planted difference between rows and log is named', () => {
  const cases: readonly (readonly [Map<string, Standing>, Map<string, Standing>, RegExp])[] = [
    [standing(['a', 1], ['b', 1]), standing(['a', 1]), /^b: a row without an entry$/],
    [standing(['a', 1]), standing(['a', 1], ['b', 1]), /^b: an entry without a row$/],
    [standing(['a', 3]), standing(['a', 2]), /^a: version 3 without an entry/],
    [standing(['a', 2]), standing(['a', 3]), /^a: an entry of version 3 without its change/],
    [standing(['a', 2]), standing(['a', 2, 'deactivated']), /^a: the row is active/],
  ]
  for (const [rows, log, expected] of cases) {
    const problems = compare(rows, log)
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', expected)
  }
})

test('a log that lacks an entry, has one twice, or skips a version is named', () => {
  const created = { type: 'owner', id: 'own_1', version: 1, state: [null, 'active'] } as const
  const updated = { ...created, version: 2, state: ['active', 'active'] } as const
  const fold = (...entries: readonly (readonly [number, typeof created | typeof updated])[]): string[] => {
    const log = new LogFold()
    for (const [position, target] of entries) log.add(position, [target])
    return log.problems
  }
  assert.deepEqual(fold([0, created], [1, updated]), [])
  assert.match(fold([0, created], [2, updated]).join(), /position 1 is missing/)
  assert.match(fold([0, created], [1, created]).join(), /version 1 from null follows/)
  assert.match(fold([0, updated]).join(), /version 2 from active follows undefined/)
})
