// C2SP tlog-tiles and tlog-checkpoint, RFC 9162 section 2.1: verification of a whole log by recomputation
import { BatchCheck, hasBatch } from './audit-batches.ts'
import { FilesCheck } from './audit-files.ts'
import { LeafChecks, leafName } from './audit-leaves.ts'
import { AUDIT_CHECKS, type AuditCheckName, type AuditReport, CheckResult } from './audit-report.ts'
import { checkState } from './audit-state.ts'
import { UseCheck } from './audit-uses.ts'
import { base64Encode, equalBytes, utf8Decode } from './bytes.ts'
import {
  type Checkpoint,
  NoteError,
  type NoteKey,
  openNote,
  parseCheckpoint,
  type VerifyEd25519,
} from './checkpoint.ts'
import { HASH_BYTES, type Sha256 } from './hash.ts'
import { Frontier, leafHash } from './merkle.ts'
import { entriesPath, readEntries, tilePath, TILE_WIDTH, tilesOfLevel } from './tiles.ts'
import { parseTrustPolicy, TrustPolicyError } from './trust-policy.ts'

/** What the verifier needs; it does no I/O and no cryptography of its own. */
export type VerifyLogInput = {
  /** Reads a file of the export by its path (`checkpoint`, `tile/0/000`, ...); null when it does not exist. */
  readonly readFile: (path: string) => Promise<Uint8Array | null>
  /** The same for a file that may be larger than memory, in pieces of any length. */
  readonly readPieces: (path: string) => Promise<AsyncIterable<Uint8Array> | null>
  /** The paths of all files of the export, in any order. */
  readonly listFiles: () => Promise<readonly string[]>
  /** The text of the trust policy, which must not come from the export itself. */
  readonly trust: string
  /** An older checkpoint note that the caller has kept, or null. */
  readonly since?: string | null
  readonly sha256: Sha256
  readonly verifyEd25519: VerifyEd25519
}

/** The verification could not be done at all: says nothing about the log. */
export class CannotVerifyError extends Error {
  override readonly name = 'CannotVerifyError'
}

type Checks = Readonly<Record<AuditCheckName, CheckResult>>

/**
 * Verifies an exported log offline: signature, root recomputed from the entries, every byte of every tile, every event,
 * unique ids and nonces, the history of every object, every batch, every use, that the exported state is what the log leads to, that
 * there is no file that nothing accounts for, and that it continues the older checkpoint. One pass, one bundle of 256
 * entries at a time. MACs cannot be checked.
 * Throws CannotVerifyError when trust policy or older checkpoint are unusable or the export has no checkpoint.
 */
export async function verifyLog(input: VerifyLogInput): Promise<AuditReport> {
  const keys = readTrust(input)
  const since = readSince(input, keys)
  const note = await input.readFile('checkpoint')
  if (note === null) throw new CannotVerifyError('there is no file "checkpoint": this is not an exported log')
  const checks = Object.fromEntries(AUDIT_CHECKS.map((name) => [name, new CheckResult(name)])) as Checks
  const checkpoint = checkCheckpoint(input, keys, note, checks.checkpoint)
  if (checkpoint !== null) await new TreeWalk(input, checkpoint, since, checks).run()
  const results = AUDIT_CHECKS.map((name) => checks[name].toCheck())
  return {
    ok: results.every(({ ok }) => ok),
    origin: checkpoint?.origin ?? null,
    size: checkpoint?.size ?? null,
    root: checkpoint === null ? null : base64Encode(checkpoint.root),
    checks: results,
  }
}

function readTrust({ sha256, trust }: VerifyLogInput): NoteKey[] {
  try {
    return parseTrustPolicy(sha256, trust)
  } catch (error) {
    if (!(error instanceof NoteError || error instanceof TrustPolicyError)) throw error
    throw new CannotVerifyError(`the trust policy is unusable: ${error.message}`, { cause: error })
  }
}

function readSince({ since, verifyEd25519 }: VerifyLogInput, keys: readonly NoteKey[]): Checkpoint | null {
  if (since === undefined || since === null) return null
  try {
    return parseCheckpoint(openNote(since, keys, verifyEd25519).text)
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    throw new CannotVerifyError(`the older checkpoint is unusable: ${error.message}`, { cause: error })
  }
}

// A checkpoint that is readable but not signed is still compared with the entries, so that the report can say more.
function checkCheckpoint(
  { verifyEd25519 }: VerifyLogInput,
  keys: readonly NoteKey[],
  bytes: Uint8Array,
  check: CheckResult,
): Checkpoint | null {
  const note = utf8Decode(bytes) ?? '\u0000'
  try {
    const { text, signedBy } = openNote(note, keys, verifyEd25519)
    const checkpoint = parseCheckpoint(text)
    const names = signedBy.map(({ name }) => name)
    if (names.includes(checkpoint.origin)) check.finish(`signed by ${names.join(', ')}`)
    else
      check.problem(
        null,
        `checkpoint: the origin is ${checkpoint.origin}, but ${names.join(', ')} has signed`,
      )
    return checkpoint
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    check.problem(null, `checkpoint: ${error.message}`)
    return parseUnsigned(note)
  }
}

function parseUnsigned(note: string): Checkpoint | null {
  try {
    return parseCheckpoint(note.slice(0, note.lastIndexOf('\n\n') + 1))
  } catch (error) {
    if (error instanceof NoteError) return null
    throw error
  }
}

/** One pass over all bundles of entries that grows the tree again and compares all that is stored with it. */
class TreeWalk {
  readonly #input: VerifyLogInput
  readonly #checkpoint: Checkpoint
  readonly #since: Checkpoint | null
  readonly #checks: Checks
  readonly #leaves: LeafChecks
  readonly #batches: BatchCheck
  readonly #uses: UseCheck
  readonly #files: FilesCheck
  readonly #frontier: Frontier
  // Per tile level from 1 on: the hashes of the tile that is being filled, and how many tiles were compared.
  readonly #filling: { hashes: Uint8Array[]; compared: number }[] = []
  #tileCount = 0
  #sinceRoot: Uint8Array | null = null

  constructor(input: VerifyLogInput, checkpoint: Checkpoint, since: Checkpoint | null, checks: Checks) {
    this.#input = input
    this.#checkpoint = checkpoint
    this.#since = since
    this.#checks = checks
    this.#leaves = new LeafChecks(checks.events, checks.unique, checks.history)
    this.#files = new FilesCheck(checks.files)
    this.#batches = new BatchCheck(checks.batches, input, this.#files)
    this.#uses = new UseCheck(checks.uses, input, this.#files)
    this.#frontier = new Frontier(input.sha256)
  }

  async run(): Promise<void> {
    this.#noteSinceRoot()
    const complete = await this.#walkBundles()
    if (complete) {
      await this.#compareUpperTiles(0)
      this.#leaves.finish()
      this.#batches.finish()
      this.#uses.finish()
      this.#checks.tiles.finish(`${this.#tileCount} tiles match the entries`)
    } else {
      this.#leaves.abandon()
      this.#batches.abandon()
      this.#uses.abandon()
      this.#checks.tiles.abandon(`only ${this.#tileCount} tiles could be checked`)
    }
    await checkState(this.#checks.state, this.#input, complete ? this.#leaves.objects : null)
    await this.#files.run(this.#input, this.#checkpoint.size, complete)
    this.#checkSince()
    this.#checkRoot(complete)
  }

  async #walkBundles(): Promise<boolean> {
    const { full, partialWidth } = tilesOfLevel(this.#checkpoint.size, 0)
    for (let index = 0; index < full; index++) {
      if (!(await this.#walkBundle(index, TILE_WIDTH))) return false
      await this.#compareUpperTiles(TILE_WIDTH)
    }
    return partialWidth === 0 || this.#walkBundle(full, partialWidth)
  }

  async #walkBundle(index: number, width: number): Promise<boolean> {
    const path = entriesPath(index, width)
    const bundle = await this.#input.readFile(path)
    if (bundle === null) {
      this.#checks.root.problem(index * TILE_WIDTH, `${path} is missing`)
      return false
    }
    const { entries, problem } = readEntries(bundle, width)
    const stored = await this.#readTile(0, index, width)
    for (const [at, entry] of entries.entries()) {
      const position = index * TILE_WIDTH + at
      const hash = leafHash(this.#input.sha256, entry)
      if (stored !== null && !equalBytes(hash, hashAt(stored, at))) {
        const message = `${leafName(position, entry)}: bytes do not match the hash in ${tilePath({ level: 0, index, width })}`
        this.#checks.tiles.problem(position, message)
      }
      const event = this.#leaves.add(position, entry)
      if (event !== null && hasBatch(event)) {
        for (const target of await this.#batches.read(event, position, entry))
          this.#leaves.addTarget(target, position, entry)
      }
      if (event !== null) await this.#uses.add(event, position, entry)
      this.#append(hash)
    }
    if (problem !== null) this.#checks.root.problem(index * TILE_WIDTH + entries.length, `${path} ${problem}`)
    return problem === null
  }

  #append(hash: Uint8Array): void {
    for (const closed of this.#frontier.append(hash)) {
      if (closed.level % 8 !== 0) continue
      const filling = (this.#filling[closed.level / 8 - 1] ??= { hashes: [], compared: 0 })
      filling.hashes.push(closed.hash)
    }
    this.#noteSinceRoot()
  }

  /** Compares the tiles above level 0 that have at least `widthMin` hashes; 0 for the partial ones at the end. */
  async #compareUpperTiles(widthMin: number): Promise<void> {
    for (const [at, filling] of this.#filling.entries()) {
      const width = filling.hashes.length
      if (width === 0 || width < widthMin) continue
      const tile = { level: at + 1, index: filling.compared, width }
      const stored = await this.#readTile(tile.level, tile.index, width)
      for (const [place, hash] of filling.hashes.entries()) {
        if (stored === null || equalBytes(hash, hashAt(stored, place))) continue
        const span = TILE_WIDTH ** tile.level
        const first = (tile.index * TILE_WIDTH + place) * span
        this.#checks.tiles.problem(
          null,
          `${tilePath(tile)} does not match leaves ${first} to ${first + span - 1}`,
        )
      }
      filling.hashes = []
      filling.compared += 1
    }
  }

  async #readTile(level: number, index: number, width: number): Promise<Uint8Array | null> {
    const path = tilePath({ level, index, width })
    const stored = await this.#input.readFile(path)
    if (stored?.length === width * HASH_BYTES) {
      this.#tileCount += 1
      return stored
    }
    const what =
      stored === null ? 'is missing' : `has ${stored.length} bytes instead of ${width * HASH_BYTES}`
    this.#checks.tiles.problem(null, `${path} ${what}`)
    return null
  }

  #noteSinceRoot(): void {
    if (this.#frontier.size === this.#since?.size) this.#sinceRoot = this.#frontier.root()
  }

  #checkSince(): void {
    const check = this.#checks.since
    const since = this.#since
    if (since === null) return check.finish('no older checkpoint was given')
    const { origin, size } = this.#checkpoint
    if (since.origin !== origin)
      return check.problem(null, `the older checkpoint is of the log ${since.origin}`)
    if (since.size > size)
      return check.problem(null, `the log had ${since.size} events and now has only ${size}`)
    if (this.#sinceRoot === null) return check.abandon(`the first ${since.size} events could not all be read`)
    if (!equalBytes(this.#sinceRoot, since.root)) {
      return check.problem(null, `the first ${since.size} events are not those of the older checkpoint`)
    }
    check.finish(`continues the older checkpoint of ${since.size} events`)
  }

  #checkRoot(complete: boolean): void {
    const check = this.#checks.root
    if (!complete) return check.abandon(`only the first ${this.#frontier.size} events could be read`)
    const root = this.#frontier.root()
    if (equalBytes(root, this.#checkpoint.root))
      return check.finish('the entries have the root of the checkpoint')
    check.problem(null, `the entries have the root ${base64Encode(root)}${this.#narrow()}`)
  }

  /** Where the entries must differ from what was signed, as far as tiles and the older checkpoint tell. */
  #narrow(): string {
    if (this.#checks.checkpoint.hasProblems) return '; the checkpoint itself is not trusted'
    if (this.#checks.tiles.hasProblems) return '; the check of the tiles says where'
    if (this.#since === null || this.#sinceRoot === null) return ''
    const side = this.#checks.since.hasProblems ? 'before' : 'at or after'
    return `; a change is ${side} leaf ${this.#since.size}`
  }
}

function hashAt(tile: Uint8Array, place: number): Uint8Array {
  return tile.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES)
}
