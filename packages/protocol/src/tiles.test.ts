import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { requireOrSkip } from '../../../tools/required.ts'
import { concatBytes } from './bytes.ts'
import { leafHash } from './merkle.ts'
import { HAS_VECTORS, sha256, VECTORS } from './node-crypto.test-support.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  decodeEntries,
  encodeEntries,
  ENTRY_BYTES_MAX,
  entriesPath,
  parseTilePath,
  TileError,
  tilePath,
  tilesForSize,
} from './tiles.ts'

test('tiles and bundles of the tessera log are where and what they should be at every size', (t) => {
  if (!requireOrSkip(t, HAS_VECTORS, 'third-party vectors (KEYSTEAD_VECTORS)')) return
  for (let size = 1; size <= 15; size++) {
    const [tile, ...more] = [...tilesForSize(size)]
    assert.ok(tile !== undefined && more.length === 0)
    const bundle = readFileSync(join(VECTORS, 'tessera-log', entriesPath(tile.index, tile.width)))
    const entries = decodeEntries(bundle, size)
    assert.deepEqual(Buffer.from(encodeEntries(entries)), bundle)
    const hashes = concatBytes(...entries.map((entry) => leafHash(sha256, entry)))
    assert.deepEqual(Buffer.from(hashes), readFileSync(join(VECTORS, 'tessera-log', tilePath(tile))))
  }
})

test('paths follow C2SP tlog-tiles and come back unchanged', () => {
  assert.equal(tilePath({ level: 0, index: 1_234_067, width: 256 }), 'tile/0/x001/x234/067')
  assert.equal(tilePath({ level: 3, index: 0, width: 17 }), 'tile/3/000.p/17')
  assert.equal(entriesPath(999, 256), 'tile/entries/999')
  assert.equal(entriesPath(1000, 1), 'tile/entries/x001/000.p/1')
  const index = fc.oneof(fc.nat(), fc.constant(2 ** 45 - 1))
  fc.assert(
    fc.property(
      index,
      fc.integer({ min: 1, max: 256 }),
      fc.integer({ min: 0, max: 6 }),
      (at, width, level) => {
        assert.deepEqual(parseTilePath(entriesPath(at, width)), { kind: 'entries', index: at, width })
        const tile = { level, index: at, width }
        assert.deepEqual(parseTilePath(tilePath(tile)), { kind: 'hashes', ...tile })
      },
    ),
  )
})

test('every other path is refused', () => {
  for (const path of [
    '',
    'tile/0/0',
    'tile/0/0000',
    'tile/00/000',
    'tile/7/000',
    'tile/-1/000',
    'tile/0/x000/001',
    'tile/0/001/001',
    'tile/0/x001',
    'tile/0/000.p/0',
    'tile/0/000.p/01',
    'tile/0/000.p/256',
    'tile/0/000/',
    '/tile/0/000',
    'tile/0/../000',
    'tile/entries/000\n',
    'tile/leaves/000',
    `tile/0/${'x999/'.repeat(9)}999`,
  ]) {
    assert.equal(parseTilePath(path), null, path)
  }
})

test('the tiles of a size are all full tiles and one partial tile per level', () => {
  const paths = (size: number) => [...tilesForSize(size)].map(tilePath)
  assert.deepEqual(paths(0), [])
  assert.deepEqual(paths(255), ['tile/0/000.p/255'])
  assert.deepEqual(paths(256), ['tile/0/000', 'tile/1/000.p/1'])
  assert.deepEqual(paths(513), ['tile/0/000', 'tile/0/001', 'tile/0/002.p/1', 'tile/1/000.p/2'])
  assert.equal(paths(65_536).length, 256 + 1 + 1)
})

test('a bundle comes back unchanged, and is refused when cut, extended or asked for another count', () => {
  const entry = fc.uint8Array({ maxLength: 300 })
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 5 }), (entries) => {
      const bundle = encodeEntries(entries)
      assert.deepEqual(decodeEntries(bundle, entries.length), entries)
      assert.throws(() => decodeEntries(bundle.subarray(0, -1), entries.length), TileError)
      assert.throws(() => decodeEntries(concatBytes(bundle, Uint8Array.of(0)), entries.length), TileError)
      assert.throws(() => decodeEntries(bundle, entries.length + 1), TileError)
      assert.throws(() => decodeEntries(bundle, entries.length - 1), TileError)
    }),
  )
  const longest = new Uint8Array(ENTRY_BYTES_MAX)
  assert.equal(decodeEntries(encodeEntries([longest]), 1)[0]?.length, ENTRY_BYTES_MAX)
  assert.throws(() => encodeEntries([new Uint8Array(ENTRY_BYTES_MAX + 1)]), TileError)
})
