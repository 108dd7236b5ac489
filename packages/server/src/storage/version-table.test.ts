import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { newId } from '../ids.ts'
import { systemRandom } from '../random.ts'
import { VersionTable } from './version-table.ts'

const NAMES = ['key', 'owner', 'project', 'boot'] as const
const idOf = fc.constantFrom(...NAMES).map((name) => newId(name, () => 1, systemRandom))

test('the table answers as a map would, through drafts that are adopted or forgotten', () => {
  const change = fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 0xffff_ffff }))
  const layers = fc.array(fc.record({ changes: fc.array(change), adopted: fc.boolean() }))
  fc.assert(
    fc.property(fc.uniqueArray(idOf, { minLength: 31, maxLength: 31 }), layers, (ids, drafts) => {
      const table = new VersionTable()
      const expected = new Map<string, number>()
      for (const { changes, adopted } of drafts) {
        const batch = table.draft()
        const draft = batch.draft()
        const layer = new Map(expected)
        for (const [number, version] of changes) {
          draft.note(ids[number] ?? '', version)
          layer.set(ids[number] ?? '', version)
        }
        for (const id of ids) assert.equal(draft.versionOf(id), layer.get(id))
        if (!adopted) continue
        batch.adopt(draft)
        table.adopt(batch)
        for (const [id, version] of layer) expected.set(id, version)
      }
      for (const id of ids) assert.equal(table.versionOf(id), expected.get(id))
      assert.deepEqual([...table.ids()].sort(), [...expected.keys()].sort())
      assert.equal(table.size, expected.size)
    }),
  )
})

test('a table restored from its capture is the same, whatever was noted meanwhile', () => {
  const table = new VersionTable()
  const ids = Array.from({ length: 9_000 }, () => newId('key', () => 1, systemRandom))
  for (const [i, id] of ids.entries()) table.note(id, i + 1)
  const { part, count, release } = table.capture()
  for (const id of ids.slice(0, 100)) table.note(id, 77)
  table.note(
    newId('key', () => 1, systemRandom),
    1,
  )
  const chunks = [...part.chunks].map((chunk) => Uint8Array.from(chunk))
  const restored = VersionTable.restore(new Map([[part.name, chunks]]), count)
  release()
  for (const [i, id] of ids.entries()) assert.equal(restored.versionOf(id), i + 1)
  assert.equal(restored.size, ids.length)
  assert.equal(table.versionOf(ids[0] ?? ''), 77)
})

test('the only project is known, in drafts and after a restoration, and that there are two', () => {
  const table = new VersionTable()
  const [first, second] = [newId('project', () => 1, systemRandom), newId('project', () => 1, systemRandom)]
  assert.equal(table.onlyProject(), null)
  const draft = table.draft()
  draft.note(first, 1)
  assert.deepEqual([draft.onlyProject(), table.onlyProject()], [first, null])
  table.adopt(draft)
  table.note(first, 2)
  table.note(
    newId('key', () => 1, systemRandom),
    1,
  )
  const { part, count, release } = table.capture()
  const chunks = [...part.chunks].map((chunk) => Uint8Array.from(chunk))
  release()
  const restored = VersionTable.restore(new Map([[part.name, chunks]]), count)
  for (const each of [table, restored]) {
    assert.equal(each.onlyProject(), first)
    const later = each.draft()
    later.note(second, 1)
    assert.equal(later.onlyProject(), null)
    each.adopt(later)
    assert.deepEqual([each.onlyProject(), each.someProjects()], [null, [first, second]])
  }
})

test('what cannot be an id is the id of no row, and cannot be noted', () => {
  const table = new VersionTable()
  for (const text of ['', 'key_é', 'x'.repeat(33), 'a b', 'key_\0']) {
    if (text !== '') assert.throws(() => table.note(text, 1), /no table keeps/)
    assert.equal(table.versionOf(text), undefined)
  }
  for (const version of [0, -1, 1.5, 2 ** 32, Number.NaN]) assert.throws(() => table.note('key_1', version))
})
