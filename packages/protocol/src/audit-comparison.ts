// RFC 9162 section 2.1.4: whether two signed checkpoints can be of one log that only grew
import { base64Encode, equalBytes } from './bytes.ts'
import { type Checkpoint, NoteError, openNote, parseCheckpoint, type VerifyEd25519 } from './checkpoint.ts'
import type { Sha256 } from './hash.ts'
import { Frontier, leafHash, verifyConsistency } from './merkle.ts'
import { entriesPath, readEntries, TILE_WIDTH, tilesOfLevel } from './tiles.ts'
import { parseTrustPolicy, TrustPolicyError } from './trust-policy.ts'

/**
 * `consistent`: the larger log begins with the smaller one. `split view`: it does not, and both are signed: the signer has
 * shown two histories. `not shown`: the proof or the export says nothing about these two.
 */
export type ComparisonVerdict = 'consistent' | 'split view' | 'not shown'

export type Comparison = {
  readonly verdict: ComparisonVerdict
  readonly detail: string
  readonly origin: string
  /** The smaller one first. */
  readonly sizes: readonly [number, number]
}

export type CompareInput = {
  /** Two checkpoint notes, in any order. */
  readonly notes: readonly [string, string]
  /** The text of the trust policy. */
  readonly trust: string
  /** A consistency proof from the smaller to the larger size, or null. */
  readonly proof: readonly Uint8Array[] | null
  /** Reads a file of an export that has at least the larger size; null when there is no export. */
  readonly readFile: ((path: string) => Promise<Uint8Array | null>) | null
  readonly sha256: Sha256
  readonly verifyEd25519: VerifyEd25519
}

/** The comparison could not be done: says nothing about the log. */
export class CannotCompareError extends Error {
  override readonly name = 'CannotCompareError'
}

/**
 * Compares two signed checkpoints (T-17). Two of one size need nothing else; two of different sizes a proof, or an export
 * that reaches the larger one. Throws CannotCompareError for notes that no trusted key has signed under their own origin,
 * for checkpoints of different logs, and when there is neither proof nor export.
 */
export async function compareCheckpoints(input: CompareInput): Promise<Comparison> {
  const [first, second] = [openTrusted(input, input.notes[0]), openTrusted(input, input.notes[1])]
  if (first.origin !== second.origin)
    throw new CannotCompareError(`they are of different logs: ${first.origin} and ${second.origin}`)
  const [smaller, larger] = first.size <= second.size ? [first, second] : [second, first]
  const { verdict, detail } = await judge(input, smaller, larger)
  return { verdict, detail, origin: larger.origin, sizes: [smaller.size, larger.size] }
}

type Verdict = Pick<Comparison, 'verdict' | 'detail'>

async function judge(input: CompareInput, smaller: Checkpoint, larger: Checkpoint): Promise<Verdict> {
  const { sha256, proof, readFile } = input
  if (smaller.size === larger.size) {
    if (equalBytes(smaller.root, larger.root)) return consistent('the same size and root')
    return split(`the same size ${larger.size}, and two roots`)
  }
  if (smaller.size === 0) {
    if (equalBytes(smaller.root, sha256())) return consistent('every log begins empty')
    return split('an empty log with a root of something')
  }
  if (readFile !== null) return judgeByExport(input, readFile, smaller, larger)
  if (proof === null) throw new CannotCompareError('two different sizes need a proof or an export of the log')
  if (verifyConsistency(sha256, smaller.size, larger.size, proof, smaller.root, larger.root))
    return consistent('shown by the proof')
  // A proof that does not hold may be a wrong one: only the entries can convict.
  return { verdict: 'not shown', detail: 'the proof does not lead from the smaller to the larger' }
}

async function judgeByExport(
  input: CompareInput,
  readFile: (path: string) => Promise<Uint8Array | null>,
  smaller: Checkpoint,
  larger: Checkpoint,
): Promise<Verdict> {
  const roots = await rootsAt(input.sha256, readFile, [smaller.size, larger.size])
  const isSmaller = equalBytes(roots[0], smaller.root)
  if (equalBytes(roots[1], larger.root)) {
    if (isSmaller) return consistent('shown by the entries')
    return split(`the first ${smaller.size} entries of the larger have the root ${base64Encode(roots[0])}`)
  }
  const other = isSmaller ? 'the smaller checkpoint and not the larger' : 'neither checkpoint'
  return { verdict: 'not shown', detail: `the export is that of ${other}` }
}

/** The roots over the first entries of an export, at two sizes. */
async function rootsAt(
  sha256: Sha256,
  readFile: (path: string) => Promise<Uint8Array | null>,
  [smaller, larger]: readonly [number, number],
): Promise<readonly [Uint8Array, Uint8Array]> {
  const size = await sizeOf(readFile)
  if (size < larger) throw new CannotCompareError(`the export has ${size} entries, and ${larger} are needed`)
  const frontier = new Frontier(sha256)
  let atSmaller = frontier.root()
  const { full, partialWidth } = tilesOfLevel(size, 0)
  for (let index = 0; frontier.size < larger; index++) {
    const width = index < full ? TILE_WIDTH : partialWidth
    const path = entriesPath(index, width)
    const { entries, problem } = readEntries((await readFile(path)) ?? new Uint8Array(), width)
    if (problem !== null) throw new CannotCompareError(`${path} of the export ${problem}`)
    for (const entry of entries.slice(0, larger - frontier.size)) {
      frontier.append(leafHash(sha256, entry))
      if (frontier.size === smaller) atSmaller = frontier.root()
    }
  }
  return [atSmaller, frontier.root()]
}

/** What the export says of itself; it decides only which files are read. */
async function sizeOf(readFile: (path: string) => Promise<Uint8Array | null>): Promise<number> {
  const note = new TextDecoder().decode((await readFile('checkpoint')) ?? new Uint8Array())
  try {
    return parseCheckpoint(note.slice(0, note.lastIndexOf('\n\n') + 1)).size
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    throw new CannotCompareError(`the export has no checkpoint: ${error.message}`, { cause: error })
  }
}

function openTrusted({ trust, sha256, verifyEd25519 }: CompareInput, note: string): Checkpoint {
  try {
    const { text, signedBy } = openNote(note, parseTrustPolicy(sha256, trust), verifyEd25519)
    const checkpoint = parseCheckpoint(text)
    if (signedBy.some(({ name }) => name === checkpoint.origin)) return checkpoint
    throw new NoteError(`it says to be of ${checkpoint.origin}, whose key has not signed it`)
  } catch (error) {
    if (!(error instanceof NoteError || error instanceof TrustPolicyError)) throw error
    throw new CannotCompareError(`a checkpoint or the trust policy is unusable: ${error.message}`, {
      cause: error,
    })
  }
}

function consistent(detail: string): Verdict {
  return { verdict: 'consistent', detail }
}

function split(detail: string): Verdict {
  return { verdict: 'split view', detail }
}
