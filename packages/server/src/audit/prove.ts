/** RFC 9162 section 2.1.3 and 2.1.4: inclusion and consistency proofs from the stored tree. */
import { consistencyProof, inclusionProof, type NodeReader } from '@keystead/protocol/merkle'
import { DomainError } from '../errors.ts'
import { sha256 } from '../hash.ts'
import type { Reader } from '../storage/store.ts'

/** The audit path of leaf `position` in the tree of `size` leaves. `audit.position_not_found` unless position < size <= the log's. */
export async function proveInclusion(
  reader: Reader,
  position: number,
  size: number,
): Promise<{ leafHash: Uint8Array; proof: readonly Uint8Array[] }> {
  await requireSize(reader, size)
  if (position >= size) throw new DomainError('audit.position_not_found')
  const leafHash = await reader.auditNode(0, position)
  if (leafHash === null) throw new DomainError('audit.position_not_found')
  return { leafHash, proof: await prove(reader, (node) => inclusionProof(sha256, position, size, node)) }
}

/** What shows that the tree of `from` leaves is a prefix of that of `to`. `audit.position_not_found` unless 1 <= from <= to <= the log's size. */
export async function proveConsistency(
  reader: Reader,
  from: number,
  to: number,
): Promise<readonly Uint8Array[]> {
  await requireSize(reader, to)
  if (from > to) throw new DomainError('audit.position_not_found')
  return prove(reader, (node) => consistencyProof(sha256, from, to, node))
}

async function requireSize(reader: Reader, size: number): Promise<void> {
  const last = await reader.lastPosition()
  if (last === null || size > last + 1) throw new DomainError('audit.position_not_found')
}

/**
 * Which nodes a proof takes depends on the sizes alone, so one dry run over blank hashes tells what to read, and the
 * second run makes the proof. At most about 2 x 53 nodes.
 */
async function prove(
  reader: Reader,
  build: (node: NodeReader) => readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const wanted = new Map<string, { level: number; index: number }>()
  build((level, index) => {
    wanted.set(`${level}/${index}`, { level, index })
    return BLANK
  })
  const nodes = new Map<string, Uint8Array>()
  for (const [name, { level, index }] of wanted) {
    const hash = await reader.auditNode(level, index)
    if (hash === null) throw new DomainError('audit.position_not_found')
    nodes.set(name, hash)
  }
  return build((level, index) => nodes.get(`${level}/${index}`) ?? BLANK)
}

const BLANK = new Uint8Array(32)
