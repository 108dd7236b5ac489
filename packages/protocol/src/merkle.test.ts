import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { requireOrSkip } from '../../../tools/required.ts'
import { base64Decode } from './bytes.ts'
import {
  consistencyProof,
  Frontier,
  readFrontier,
  inclusionProof,
  leafHash,
  nodeHash,
  type NodeReader,
  peakPositions,
  rootFromLeafHashes,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts'
import { HAS_VECTORS, readVectorLines, sha256 } from './node-crypto.test-support.ts'

type InclusionCase = {
  case: string
  leafIdx: number
  treeSize: number
  root: string
  leafHash: string
} & Proof
type ConsistencyCase = { case: string; size1: number; size2: number; root1: string; root2: string } & Proof
type Proof = { proof: string[] | null; wantErr: boolean }

const EMPTY_ROOT = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

test('all 98 inclusion vectors are judged as their authors say', (t) => {
  if (!requireOrSkip(t, HAS_VECTORS, 'third-party vectors (KEYSTEAD_VECTORS)')) return
  const cases = readVectorLines<InclusionCase>('merkle-inclusion.jsonl')
  assert.equal(cases.length, 98)
  for (const c of cases) {
    const verified = verifyInclusion(sha256, bytes(c.leafHash), c.leafIdx, c.treeSize, path(c), bytes(c.root))
    assert.equal(verified, !c.wantErr, c.case)
  }
})

test('all 98 consistency vectors are judged as their authors say', (t) => {
  if (!requireOrSkip(t, HAS_VECTORS, 'third-party vectors (KEYSTEAD_VECTORS)')) return
  const cases = readVectorLines<ConsistencyCase>('merkle-consistency.jsonl')
  assert.equal(cases.length, 98)
  for (const c of cases) {
    const verified = verifyConsistency(sha256, c.size1, c.size2, path(c), bytes(c.root1), bytes(c.root2))
    assert.equal(verified, !c.wantErr, c.case)
  }
})

test('the frontier has the root of the textbook definition at every size', () => {
  const frontier = new Frontier(sha256)
  assert.equal(Buffer.from(frontier.root()).toString('hex'), EMPTY_ROOT)
  const leaves = leafHashes(130)
  for (const [at, hash] of leaves.entries()) {
    frontier.append(hash)
    assert.equal(frontier.size, at + 1)
    assert.deepEqual(frontier.root(), naiveRoot(leaves.slice(0, at + 1)))
  }
  assert.deepEqual(rootFromLeafHashes(sha256, leaves), frontier.root())
})

test('every proof that the tree builds is accepted, and refused for any other position, size or root', () => {
  const tree = grow(200)
  const other = sha256(Uint8Array.of(9))
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(), fc.nat(), (size, position, other2) => {
      const at = position % size
      const proof = inclusionProof(sha256, at, size, tree.node)
      const leaf = tree.node(0, at)
      const root = tree.root(size)
      assert.equal(verifyInclusion(sha256, leaf, at, size, proof, root), true)
      assert.equal(verifyInclusion(sha256, leaf, (at + 1) % (size + 1), size, proof, root), false)
      assert.equal(verifyInclusion(sha256, leaf, at, size, [...proof, other], root), false)
      assert.equal(verifyInclusion(sha256, leaf, at, size, proof, other), false)
      assert.equal(verifyInclusion(sha256, other, at, size, proof, root), false)
      const from = 1 + (other2 % size)
      const consistency = consistencyProof(sha256, from, size, tree.node)
      assert.equal(verifyConsistency(sha256, from, size, consistency, tree.root(from), root), true)
      assert.equal(verifyConsistency(sha256, from, size, consistency, other, root), false)
      assert.equal(verifyConsistency(sha256, from, size, consistency, tree.root(from), other), false)
      assert.equal(
        verifyConsistency(sha256, from, size, [...consistency, other], tree.root(from), root),
        false,
      )
    }),
  )
})

async function frontierOf(size: number, node: NodeReader): Promise<Frontier> {
  const frontier = await readFrontier(sha256, size, async (level, index) => node(level, index))
  return frontier ?? assert.fail('a node is missing')
}

test('a tree that lacks a peak has no frontier', async () => {
  assert.equal(await readFrontier(sha256, 3, async () => null), null)
})

test('append reports each complete subtree once, and a frontier restored from them grows alike', async () => {
  const tree = grow(77)
  assert.equal(tree.nodes.size, 77 + 38 + 19 + 9 + 4 + 2 + 1)
  const restored = await frontierOf(77, tree.node)
  assert.deepEqual(restored.root(), tree.root(77))
  const copy = restored.clone()
  copy.append(sha256())
  assert.deepEqual(restored.root(), tree.root(77))
  assert.notDeepEqual(copy.root(), restored.root())
})

test('sizes beyond 32 bits are exact', async () => {
  // A tree in which all leaves are alike: a subtree's hash depends on its level only.
  const levels = [leafHash(sha256, Uint8Array.of(7))]
  for (let level = 0; level < 53; level++) {
    const below = levels[level] ?? Buffer.alloc(0)
    levels.push(nodeHash(sha256, below, below))
  }
  const node = (level: number, index: number) => {
    assert.ok(Number.isSafeInteger(index) && Number.isInteger(level))
    return levels[level] ?? assert.fail(`no level ${level}`)
  }
  const sizes = [2 ** 32, 2 ** 32 + 1, 2 ** 40 + 12_345, 2 ** 52, Number.MAX_SAFE_INTEGER]
  for (const [at, size] of sizes.entries()) {
    const root = (await frontierOf(size, node)).root()
    for (const position of [0, 2 ** 31 + 1, 2 ** 32 - 1, size - 1]) {
      const proof = inclusionProof(sha256, position, size, node)
      assert.equal(verifyInclusion(sha256, node(0, position), position, size, proof, root), true)
    }
    for (const from of [1, 2 ** 31 + 3, ...sizes.slice(0, at)]) {
      const oldRoot = (await frontierOf(from, node)).root()
      const proof = consistencyProof(sha256, from, size, node)
      assert.equal(verifyConsistency(sha256, from, size, proof, oldRoot, root), true)
    }
  }
})

test('a proof outside the tree is a RangeError, and so is a frontier whose peaks do not fit', () => {
  const { node } = grow(4)
  for (const [position, size] of [
    [4, 4],
    [-1, 4],
    [0, 0],
    [0.5, 4],
    [0, 2 ** 53],
  ] as const) {
    assert.throws(() => inclusionProof(sha256, position, size, node), RangeError)
  }
  for (const [from, to] of [
    [3, 2],
    [-1, 2],
    [1, Number.NaN],
  ] as const) {
    assert.throws(() => consistencyProof(sha256, from, to, node), RangeError)
  }
  assert.deepEqual(consistencyProof(sha256, 0, 4, node), [])
  assert.deepEqual(consistencyProof(sha256, 4, 4, node), [])
  assert.throws(() => new Frontier(sha256, 3, [sha256()]), RangeError)
  assert.throws(() => new Frontier(sha256).append(Uint8Array.of(1)), RangeError)
  assert.deepEqual(peakPositions(6), [
    { level: 2, index: 0 },
    { level: 1, index: 2 },
  ])
})

function grow(size: number) {
  const nodes = new Map<string, Uint8Array>()
  const roots: Uint8Array[] = []
  const frontier = new Frontier(sha256)
  for (const [at, hash] of leafHashes(size).entries()) {
    nodes.set(`0/${at}`, hash)
    for (const closed of frontier.append(hash)) {
      assert.equal(nodes.has(`${closed.level}/${closed.index}`), false)
      nodes.set(`${closed.level}/${closed.index}`, closed.hash)
    }
    roots.push(frontier.root())
  }
  const node = (level: number, index: number) =>
    nodes.get(`${level}/${index}`) ?? assert.fail(`${level}/${index}`)
  return { nodes, node, root: (at: number) => roots[at - 1] ?? assert.fail('no such size') }
}

function leafHashes(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, at) => leafHash(sha256, Buffer.from(`leaf ${at}`)))
}

// RFC 9162 section 2.1.1, word for word.
function naiveRoot(hashes: readonly Uint8Array[]): Uint8Array {
  const [only] = hashes
  if (only === undefined) return sha256()
  if (hashes.length === 1) return only
  const split = 2 ** Math.ceil(Math.log2(hashes.length) - 1)
  return nodeHash(sha256, naiveRoot(hashes.slice(0, split)), naiveRoot(hashes.slice(split)))
}

function bytes(text: string): Uint8Array {
  return base64Decode(text) ?? Buffer.from(text, 'base64')
}

function path({ proof }: Proof): Uint8Array[] {
  return (proof ?? []).map(bytes)
}
