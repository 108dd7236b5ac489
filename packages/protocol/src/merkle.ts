// RFC 6962 / RFC 9162 section 2.1 (Merkle tree hash, inclusion and consistency proofs)
import { equalBytes } from './bytes.ts'
import { HASH_BYTES, type Sha256 } from './hash.ts'

/** The root of the complete subtree over leaves [index * 2^level, (index + 1) * 2^level). Level 0 is a leaf hash. */
export type MerkleNode = { readonly level: number; readonly index: number; readonly hash: Uint8Array }

/** Reads the hash of a complete subtree; it is never asked for one that lies outside the tree. */
export type NodeReader = (level: number, index: number) => Uint8Array

const LEAF_PREFIX = Uint8Array.of(0)
const NODE_PREFIX = Uint8Array.of(1)

/** SHA-256(0x00 || leaf). */
export function leafHash(sha256: Sha256, leaf: Uint8Array): Uint8Array {
  return sha256(LEAF_PREFIX, leaf)
}

/** SHA-256(0x01 || left || right). */
export function nodeHash(sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(NODE_PREFIX, left, right)
}

/**
 * The right edge of a growing tree: the roots of its complete subtrees, widest first, at most 53 hashes.
 * Enough to append leaves and to know the root at any time without reading the tree.
 */
export class Frontier {
  readonly #sha256: Sha256
  #size: number
  #peaks: Uint8Array[]

  /** A frontier over nothing, or over `size` leaves whose peaks are in the order of `peakPositions(size)`. */
  constructor(sha256: Sha256, size = 0, peaks: readonly Uint8Array[] = []) {
    if (peaks.length !== peakPositions(size).length) throw new RangeError('peaks do not fit the size')
    this.#sha256 = sha256
    this.#size = size
    this.#peaks = [...peaks]
  }

  /** The number of leaves so far. */
  get size(): number {
    return this.#size
  }

  /** The roots of the complete subtrees, widest first, in the order of `peakPositions(size)`. */
  get peaks(): readonly Uint8Array[] {
    return [...this.#peaks]
  }

  /**
   * Adds one leaf by its hash (32 bytes) and returns the complete subtrees of level >= 1 that it closed, lowest
   * first: what a log has to store. None for half of all leaves, one per leaf on average.
   */
  append(hash: Uint8Array): MerkleNode[] {
    if (!isHash(hash)) throw new RangeError('a leaf hash has 32 bytes')
    if (this.#size >= Number.MAX_SAFE_INTEGER) throw new RangeError('the tree is full')
    const closed: MerkleNode[] = []
    let subtree = hash
    let index = this.#size
    for (let level = 1; index % 2 === 1; level++) {
      const left = this.#peaks.pop()
      if (left === undefined) throw new Error('frontier lost a peak')
      subtree = nodeHash(this.#sha256, left, subtree)
      index = (index - 1) / 2
      closed.push({ level, index, hash: subtree })
    }
    this.#peaks.push(subtree)
    this.#size += 1
    return closed
  }

  /** The Merkle tree hash over all leaves so far; SHA-256 of nothing for the empty tree. */
  root(): Uint8Array {
    const root = this.#peaks.reduceRight<Uint8Array | null>(
      (right, left) => (right === null ? left : nodeHash(this.#sha256, left, right)),
      null,
    )
    return root ?? this.#sha256()
  }

  /** An independent copy, so that a transaction can append to it and be thrown away. */
  clone(): Frontier {
    return new Frontier(this.#sha256, this.#size, this.#peaks)
  }
}

/** Where the peaks of a tree of `size` leaves are, widest first: the binary digits of `size`. */
export function peakPositions(size: number): { readonly level: number; readonly index: number }[] {
  requireSize(size)
  const positions: { level: number; index: number }[] = []
  for (let level = 0, rest = size; rest > 0; level++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) positions.unshift({ level, index: rest - 1 })
  }
  return positions
}

/** The frontier of a stored tree of `size` leaves, read from its complete subtrees; null when one of them is missing. */
export async function readFrontier(
  sha256: Sha256,
  size: number,
  node: (level: number, index: number) => Promise<Uint8Array | null>,
): Promise<Frontier | null> {
  const peaks: Uint8Array[] = []
  for (const { level, index } of peakPositions(size)) {
    const peak = await node(level, index)
    if (peak === null) return null
    peaks.push(peak)
  }
  return new Frontier(sha256, size, peaks)
}

/** The root over the given leaf hashes. */
export function rootFromLeafHashes(sha256: Sha256, hashes: Iterable<Uint8Array>): Uint8Array {
  const frontier = new Frontier(sha256)
  for (const hash of hashes) frontier.append(hash)
  return frontier.root()
}

/**
 * RFC 9162 section 2.1.3.1: the hashes that lead from leaf `position` (0-based) to the root of the first `size` leaves.
 * Throws RangeError unless 0 <= position < size.
 */
export function inclusionProof(
  sha256: Sha256,
  position: number,
  size: number,
  node: NodeReader,
): Uint8Array[] {
  requireSize(size)
  if (!isSize(position) || position >= size) throw new RangeError('position is outside the tree')
  const proof: Uint8Array[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const middle = start + splitOf(end - start)
    if (position < middle) {
      proof.push(subtreeHash(sha256, middle, end, node))
      end = middle
    } else {
      proof.push(subtreeHash(sha256, start, middle, node))
      start = middle
    }
  }
  return proof.reverse()
}

/**
 * RFC 9162 section 2.1.4.1: the hashes that prove the tree of `from` leaves to be a prefix of that of `to` leaves.
 * Empty when from is 0 or equals to, where there is nothing to prove. Throws RangeError unless 0 <= from <= to.
 */
export function consistencyProof(sha256: Sha256, from: number, to: number, node: NodeReader): Uint8Array[] {
  requireSize(from)
  requireSize(to)
  if (from > to) throw new RangeError('a tree cannot be consistent with a smaller one')
  if (from === 0 || from === to) return []
  const proof: Uint8Array[] = []
  let start = 0
  let end = to
  while (end !== from) {
    const middle = start + splitOf(end - start)
    if (from <= middle) {
      proof.push(subtreeHash(sha256, middle, end, node))
      end = middle
    } else {
      proof.push(subtreeHash(sha256, start, middle, node))
      start = middle
    }
  }
  // The old tree is itself one complete subtree from the left: the verifier already has its hash.
  if (start > 0) proof.push(subtreeHash(sha256, start, end, node))
  return proof.reverse()
}

/** RFC 9162 section 2.1.3.2: whether `proof` shows that the leaf is at `position` under `root` of `size` leaves. */
export function verifyInclusion(
  sha256: Sha256,
  leaf: Uint8Array,
  position: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!isSize(position) || !isSize(size) || position >= size) return false
  if (![leaf, root, ...proof].every(isHash)) return false
  let node = position
  let last = size - 1
  let hash = leaf
  for (const sibling of proof) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sha256, sibling, hash)
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)]
    } else {
      hash = nodeHash(sha256, hash, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && equalBytes(hash, root)
}

/**
 * RFC 9162 section 2.1.4.2: whether `proof` shows that the tree (from, fromRoot) is a prefix of (to, toRoot).
 * False for from = 0: the empty tree is a prefix of every tree, so a proof of that says nothing.
 */
export function verifyConsistency(
  sha256: Sha256,
  from: number,
  to: number,
  proof: readonly Uint8Array[],
  fromRoot: Uint8Array,
  toRoot: Uint8Array,
): boolean {
  if (!isSize(from) || !isSize(to) || from === 0 || from > to) return false
  if (from === to) return proof.length === 0 && equalBytes(fromRoot, toRoot)
  if (![fromRoot, toRoot, ...proof].every(isHash)) return false
  let node = from - 1
  let last = to - 1
  while (node % 2 === 1) [node, last] = [(node - 1) / 2, Math.floor(last / 2)]
  const path = node === 0 ? [fromRoot, ...proof] : proof
  const [first, ...rest] = path
  if (first === undefined) return false
  let oldHash = first
  let newHash = first
  for (const sibling of rest) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      oldHash = nodeHash(sha256, sibling, oldHash)
      newHash = nodeHash(sha256, sibling, newHash)
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)]
    } else {
      newHash = nodeHash(sha256, newHash, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && equalBytes(oldHash, fromRoot) && equalBytes(newHash, toRoot)
}

/** The hash over leaves [start, end), where `start` is a multiple of the subtree's width: complete parts are read. */
function subtreeHash(sha256: Sha256, start: number, end: number, node: NodeReader): Uint8Array {
  const width = end - start
  const split = splitOf(width)
  if (width === 1 || split * 2 === width) return node(Math.log2(width), start / width)
  const right = subtreeHash(sha256, start + split, end, node)
  return nodeHash(sha256, node(Math.log2(split), start / split), right)
}

/** The largest power of two smaller than `width` (>= 2); 1 for width 1. No bit operators: sizes exceed 32 bits. */
function splitOf(width: number): number {
  let split = 1
  while (split * 2 < width) split *= 2
  return split
}

function isHash(value: Uint8Array): boolean {
  return value.length === HASH_BYTES
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function requireSize(value: number): void {
  if (!isSize(value)) throw new RangeError('a tree size is an integer from 0 to 2^53 - 1')
}
