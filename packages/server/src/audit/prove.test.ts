import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes } from '@keystead/protocol/bytes'
import { Frontier, verifyConsistency, verifyInclusion } from '@keystead/protocol/merkle'
import { decodeEntries, entriesPath, tilePath, tilesForSize } from '@keystead/protocol/tiles'
import { sha256 } from '../hash.ts'
import { code, newProject, saveProject } from '../storage/contract.test-support.ts'
import type { Reader } from '../storage/store.ts'
import { openWorld, type World } from '../world.test-support.ts'
import { proveConsistency, proveInclusion } from './prove.ts'
import { readTile } from './tile.ts'

const SIZE = 520
/** All small trees, and those around the width of a tile and of two. */
const SIZES = [...Array.from({ length: 70 }, (_, i) => i + 1), 255, 256, 257, 511, 512, 513, SIZE]

async function grown(
  world: World,
): Promise<{ roots: Map<number, Uint8Array>; hashes: readonly Uint8Array[] }> {
  const missing = SIZE - world.store.head().size
  await Promise.all(Array.from({ length: missing }, async () => saveProject(world.store, newProject())))
  const entries = await world.store.reader.auditEntries(0, SIZE)
  const frontier = new Frontier(sha256)
  const roots = new Map<number, Uint8Array>()
  for (const entry of entries) {
    frontier.append(entry.leafHash)
    roots.set(frontier.size, frontier.root())
  }
  return { roots, hashes: entries.map((entry) => entry.leafHash) }
}

const rootOf = (roots: ReadonlyMap<number, Uint8Array>, size: number): Uint8Array => {
  const root = roots.get(size)
  assert.ok(root)
  return root
}

test('every leaf is proved to be in every tree that holds it', async (t) => {
  const world = await openWorld(t)
  const { roots } = await grown(world)
  const { reader } = world.store
  for (const size of SIZES) {
    const positions =
      size <= 70
        ? Array.from({ length: size }, (_, i) => i)
        : [0, 1, 127, 254, 255, 256, 300, size - 2, size - 1]
    for (const position of positions.filter((each) => each < size)) {
      const { leafHash, proof } = await proveInclusion(reader, position, size)
      const root = rootOf(roots, size)
      assert.ok(verifyInclusion(sha256, leafHash, position, size, proof, root), `${position} in ${size}`)
      assert.ok(!verifyInclusion(sha256, leafHash, position + 1, size, proof, root))
    }
  }
})

test('every tree is proved to be a prefix of every later one', async (t) => {
  const world = await openWorld(t)
  const { roots } = await grown(world)
  for (const to of SIZES) {
    for (const from of SIZES.filter((each) => each <= to)) {
      const proof = await proveConsistency(world.store.reader, from, to)
      const [before, after] = [rootOf(roots, from), rootOf(roots, to)]
      assert.ok(verifyConsistency(sha256, from, to, proof, before, after), `${from} to ${to}`)
    }
  }
})

test('what the log does not have is not proved', async (t) => {
  const world = await openWorld(t)
  await saveProject(world.store, newProject())
  const { reader } = world.store
  const absent: readonly (() => Promise<unknown>)[] = [
    () => proveInclusion(reader, 0, 3),
    () => proveInclusion(reader, 2, 2),
    () => proveInclusion(reader, 1, 1),
    () => proveInclusion(reader, 0, 0),
    () => proveInclusion(reader, 0, Number.MAX_SAFE_INTEGER),
    () => proveConsistency(reader, 1, 3),
    () => proveConsistency(reader, 2, 1),
    () => proveConsistency(reader, 1, Number.MAX_SAFE_INTEGER),
  ]
  for (const ask of absent) await assert.rejects(ask, code('audit.position_not_found'))
})

test('the tiles of every size hold the whole tree, and its entries hash to them', async (t) => {
  const world = await openWorld(t)
  const { hashes } = await grown(world)
  const { reader } = world.store
  for (const size of SIZES) {
    for (const tile of tilesForSize(size)) {
      const bytes = await readTile(reader, tilePath(tile))
      assert.equal(bytes.length, tile.width * 32)
      if (tile.level !== 0) continue
      const from = tile.index * 256
      assert.deepEqual(bytes, concatBytes(...hashes.slice(from, from + tile.width)))
      const entries = decodeEntries(await readTile(reader, entriesPath(tile.index, tile.width)), tile.width)
      assert.equal(entries.length, tile.width)
    }
  }
})

test('a tile of the second level holds the roots of full tiles of the first', async (t) => {
  const world = await openWorld(t)
  const { hashes } = await grown(world)
  const rootOfTile = (index: number): Uint8Array => {
    const frontier = new Frontier(sha256)
    for (const hash of hashes.slice(index * 256, index * 256 + 256)) frontier.append(hash)
    return frontier.root()
  }
  const bytes = await readTile(world.store.reader, 'tile/1/000.p/2')
  assert.deepEqual(bytes, concatBytes(rootOfTile(0), rootOfTile(1)))
})

test('what is no tile of the log is not found', async (t) => {
  const world = await openWorld(t)
  const reader: Reader = world.store.reader
  const paths = [
    'tile/0/000',
    'tile/0/000.p/2',
    'tile/0/001.p/1',
    'tile/1/000.p/1',
    'tile/8/000.p/1',
    'tile/63/000.p/1',
    'tile/64/000.p/1',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/x999/x999/x999/x999/999',
    'tile/0/x000/000.p/1',
    'tile/00/000.p/1',
    'tile/entries/000',
    'tile/entries/000.p/2',
    'tile/0/../0/000.p/1',
    'tile/0/000.p/1/',
    'checkpoint',
    '',
  ]
  for (const path of paths) await assert.rejects(readTile(reader, path), code('audit.tile_not_found'), path)
  assert.equal((await readTile(reader, 'tile/0/000.p/1')).length, 32)
})
