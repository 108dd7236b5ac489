// The tamper matrix, third part: two signed checkpoints, and what shows or refutes that they are of one log.
import type { CompareInput, ComparisonVerdict } from './audit-comparison.ts'
import { signNote } from './checkpoint.ts'
import { consistencyProof, leafHash, rootFromLeafHashes } from './merkle.ts'
import { sha256 } from './node-crypto.test-support.ts'
import {
  exportLog,
  type LogFiles,
  newSigner,
  policyFor,
  sampleEvent,
  sampleLeaves,
  signedCheckpoint,
} from './sample-log.test-support.ts'
import { canonicalEvent } from './audit-event.ts'

export type ViewCase = {
  readonly name: string
  readonly notes: CompareInput['notes']
  readonly trust: string
  readonly proof: readonly Uint8Array[] | null
  /** An export, or null. */
  readonly files: LogFiles | null
  /** Null: it cannot be compared at all. */
  readonly verdict: ComparisonVerdict | null
}

const SIZE = 300
const OLDER = 120

/** Pairs of honest checkpoints at many sizes, by proof and by export. */
export function honestViews(): ViewCase[] {
  const signer = newSigner()
  const leaves = sampleLeaves(SIZE)
  const note = (size: number) => signedCheckpoint(leaves.slice(0, size), signer)
  const files = exportLog(leaves, signer)
  return [0, 1, 2, 3, 7, 8, 120, 255, 256, 257, 299, 300].flatMap((size) => {
    const view = { trust: policyFor(signer), verdict: 'consistent' as const }
    const notes = [note(size), note(SIZE)] as const
    const name = `honest checkpoints of ${size} and ${SIZE}`
    return [
      { ...view, name: `${name}, by proof`, notes, proof: proofOf(leaves, size, SIZE), files: null },
      { ...view, name: `${name}, by export`, notes: [notes[1], notes[0]] as const, proof: null, files },
    ]
  })
}

/** One case per attack, and per way in which nothing can be said. */
export function splitViews(): ViewCase[] {
  const signer = newSigner()
  const leaves = sampleLeaves(SIZE)
  // What another reader was shown: the same log with another event early on.
  const other = leaves.with(40, canonicalEvent({ ...sampleEvent(40), reason: 'other' }))
  const mine = (size: number) => signedCheckpoint(leaves.slice(0, size), signer)
  const theirs = (size: number) => signedCheckpoint(other.slice(0, size), signer)
  const view = { trust: policyFor(signer), proof: null, files: null }
  const log = exportLog(leaves, signer)
  const stranger = newSigner('keystead/other')
  const bothKnown = `${policyFor(signer).replace(/quorum.*\n/, '')}${policyFor(stranger)}`
  const broken = exportLog(leaves, signer)
  broken.delete('tile/entries/000')
  return [
    { ...view, name: 'a split view of one size', notes: [mine(SIZE), theirs(SIZE)], verdict: 'split view' },
    {
      ...view,
      name: 'a split view, shown by the export',
      notes: [theirs(OLDER), mine(SIZE)],
      files: log,
      verdict: 'split view',
    },
    {
      ...view,
      name: 'a split view, shown by the other export',
      notes: [mine(OLDER), theirs(SIZE)],
      files: exportLog(other, signer),
      verdict: 'split view',
    },
    {
      ...view,
      name: 'a split view of an empty log',
      notes: [emptyLie(signer), mine(SIZE)],
      verdict: 'split view',
    },
    {
      ...view,
      name: 'a split view, by a proof that cannot hold',
      notes: [theirs(OLDER), mine(SIZE)],
      proof: proofOf(leaves, OLDER, SIZE),
      verdict: 'not shown',
    },
    {
      ...view,
      name: 'a split view, by an empty proof',
      notes: [theirs(OLDER), mine(SIZE)],
      proof: [],
      verdict: 'not shown',
    },
    {
      ...view,
      name: 'a proof between other sizes',
      notes: [mine(OLDER), mine(SIZE)],
      proof: proofOf(leaves, OLDER + 1, SIZE),
      verdict: 'not shown',
    },
    {
      ...view,
      name: 'a proof with one hash too many',
      notes: [mine(OLDER), mine(SIZE)],
      proof: [...proofOf(leaves, OLDER, SIZE), new Uint8Array(32)],
      verdict: 'not shown',
    },
    {
      ...view,
      name: 'the export of neither',
      notes: [mine(OLDER), mine(SIZE)],
      files: exportLog(other, signer),
      verdict: 'not shown',
    },
    {
      ...view,
      name: 'the export of the smaller one only',
      notes: [mine(20), theirs(SIZE)],
      files: log,
      verdict: 'not shown',
    },
    {
      ...view,
      name: 'a checkpoint of another log',
      notes: [mine(OLDER), signedCheckpoint(leaves, stranger, 'keystead/other')],
      trust: bothKnown,
      verdict: null,
    },
    {
      ...view,
      name: 'a checkpoint under the origin of another log',
      notes: [mine(OLDER), signedCheckpoint(leaves, stranger)],
      trust: bothKnown,
      verdict: null,
    },
    {
      ...view,
      name: 'a checkpoint by an unknown key',
      notes: [mine(OLDER), signedCheckpoint(leaves, newSigner())],
      verdict: null,
    },
    { ...view, name: 'two sizes and nothing to show it by', notes: [mine(OLDER), mine(SIZE)], verdict: null },
    {
      ...view,
      name: 'an export that is too short',
      notes: [mine(OLDER), mine(SIZE)],
      files: exportLog(leaves.slice(0, 200), signer),
      verdict: null,
    },
    {
      ...view,
      name: 'an export that lacks a bundle',
      notes: [mine(OLDER), mine(SIZE)],
      files: broken,
      verdict: null,
    },
  ]
}

function emptyLie(signer: ReturnType<typeof newSigner>): string {
  const honest = signedCheckpoint(sampleLeaves(1), signer)
  const lines = honest.split('\n').slice(0, 3).with(1, '0')
  return signNote(`${lines.join('\n')}\n`, [signer])
}

function proofOf(leaves: readonly Uint8Array[], from: number, to: number): Uint8Array[] {
  return consistencyProof(sha256, from, to, (level, index) =>
    rootFromLeafHashes(
      sha256,
      leaves.slice(index * 2 ** level, (index + 1) * 2 ** level).map((leaf) => leafHash(sha256, leaf)),
    ),
  )
}
