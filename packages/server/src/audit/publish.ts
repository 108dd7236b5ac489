/** C2SP tlog-checkpoint: signs the log's growth, once a second at most, after looking at every new leaf again. */
import { splitLeaf } from '@keystead/protocol/audit-event'
import { equalBytes, hexEncode } from '@keystead/protocol/bytes'
import {
  type Checkpoint,
  formatCheckpoint,
  formatVerifierKey,
  type NoteKey,
  noteKey,
  openNote,
  parseCheckpoint,
  signNote,
} from '@keystead/protocol/checkpoint'
import { equalInConstantTime } from '@keystead/protocol/constant-time'
import { type Frontier, leafHash, readFrontier } from '@keystead/protocol/merkle'
import { DomainError, StartError } from '../errors.ts'
import { sha256, verifyEd25519 } from '../hash.ts'
import type { Keyring } from '../keystore/keystore.ts'
import type { Log } from '../log.ts'
import type { AuditEntry, SignedCheckpoint } from '../storage/records.ts'
import type { Reader, Store } from '../storage/store.ts'
import { replaceFile } from '../write-file.ts'

export interface PublisherOptions {
  readonly store: Store
  readonly keyring: Keyring
  /** The log's name, e.g. `keystead/ins_01...`. */
  readonly origin: string
  /** Where the last signed checkpoint is kept, outside the database (T-07). */
  readonly guardFile: string
  readonly log: Log
}

/** Leaves that are read, checked and folded at a time: a page fits in a few MB. */
const LEAVES_PER_READ = 1_000

/**
 * Signs checkpoints over what has been committed. Before it signs, it reads the new leaves back from the database,
 * checks the MAC and hash of each and folds them into a frontier of its own; when that root is not the store's, or a
 * leaf is not ours, it halts the store: no further change until an operator has looked (T-06).
 */
export class CheckpointPublisher {
  readonly #options: PublisherOptions
  readonly #key: NoteKey
  #frontier: Frontier
  #last: SignedCheckpoint | null
  #running: Promise<SignedCheckpoint | null> | null = null

  private constructor(
    options: PublisherOptions,
    key: NoteKey,
    frontier: Frontier,
    last: SignedCheckpoint | null,
  ) {
    this.#options = options
    this.#key = key
    this.#frontier = frontier
    this.#last = last
  }

  /**
   * Goes on from the last checkpoint that was signed under this origin. StartError when the database does not match it:
   * somebody changed the log. NOT checked: the guard file (epoch.ts).
   */
  static async open(options: PublisherOptions): Promise<CheckpointPublisher> {
    const { store, keyring, origin } = options
    const key = noteKey(sha256, origin, keyring.checkpointPublicKey)
    const stored = await store.reader.lastCheckpoint()
    // One of an earlier epoch is no start to go on from: everything is looked at again, once.
    const last = stored !== null && stored.note.startsWith(`${origin}\n`) ? stored : null
    if (stored !== null && last === null) requireOwnNote(stored.note, keyring)
    const signed = last === null ? null : openCheckpoint(last.note, key)
    const frontier = await frontierAt(store.reader, signed?.size ?? 0)
    if (signed !== null && !equalBytes(signed.root, frontier.root())) {
      throw new StartError(
        `The audit log does not match its signed checkpoint at size ${signed.size}: ${LOOK}`,
      )
    }
    const publisher = new CheckpointPublisher(options, key, frontier, last)
    await publisher.publish()
    if (store.halted() !== null) {
      throw new StartError(`The audit log holds a leaf that this server did not write: ${LOOK}`)
    }
    return publisher
  }

  /** The key that verifiers must be given, by another way than the log itself: C2SP signed-note vkey. */
  get verifierKey(): string {
    return formatVerifierKey(this.#key)
  }

  /** The last signed checkpoint; null only before the first leaf. */
  get last(): SignedCheckpoint | null {
    return this.#last
  }

  /**
   * Signs what has grown since the last checkpoint, if this process leads; takes over what the leader has signed, after
   * the same looks, if not. The last one when there is nothing new; null when it had to halt the store. DomainError
   * `storage.unavailable` when the checkpoint can be kept nowhere now: it is signed later.
   */
  async publish(): Promise<SignedCheckpoint | null> {
    this.#running ??= this.#publish().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  /**
   * A checkpoint over exactly this head of the log, which the store must have given; it is not kept. DomainError
   * `audit.halted` when the log is not what was written.
   */
  async signAt(head: { readonly size: number; readonly root: Uint8Array }): Promise<string> {
    const { store } = this.#options
    await this.publish()
    const halted = store.halted()
    if (halted !== null) throw new DomainError('audit.halted', halted)
    return this.#sign({ origin: this.#key.name, size: head.size, root: head.root }).note
  }

  async #publish(): Promise<SignedCheckpoint | null> {
    const { store, log } = this.#options
    const isLeader = store.isLeader()
    const next = isLeader ? store.head() : await this.#signedByLeader()
    if (next === null || next.size <= this.#frontier.size) return this.#last
    const frontier = await this.#foldTo(next.size)
    if (frontier === null) return null
    if (!equalBytes(frontier.root(), next.root))
      return this.#halt(`the tree of size ${next.size} has another root on disk`)
    const checkpoint = this.#sign({ origin: this.#key.name, size: next.size, root: next.root })
    // The guard first: when its place cannot be written now, the same checkpoint can still be saved later.
    this.#guard(checkpoint)
    if (isLeader) await store.saveCheckpoint(checkpoint)
    this.#frontier = frontier
    this.#last = checkpoint
    const event = isLeader ? 'audit.checkpoint_signed' : 'audit.checkpoint_followed'
    log('info', event, { size: next.size, root: hexEncode(next.root) })
    return checkpoint
  }

  #guard({ note }: SignedCheckpoint): void {
    try {
      replaceFile(this.#options.guardFile, note)
    } catch (cause) {
      throw new DomainError('storage.unavailable', null, { cause })
    }
  }

  /**
   * What the leading process signed last, as far as this one has followed the log. Ed25519 gives the same signature to
   * the same checkpoint, so signing it again here makes no second one.
   */
  async #signedByLeader(): Promise<Checkpoint | null> {
    const { store, log } = this.#options
    const stored = await store.reader.lastCheckpoint()
    if (stored === null || stored.size > store.head().size) return null
    try {
      const signed = openCheckpoint(stored.note, this.#key)
      return signed.size === stored.size ? signed : null
    } catch (error) {
      if (!(error instanceof StartError)) throw error
      log('error', 'audit.checkpoint_not_ours', { size: stored.size })
      return null
    }
  }

  /** The tree at a larger size, from leaves that have been read back and looked at; null when it had to halt the store. */
  async #foldTo(size: number): Promise<Frontier | null> {
    const frontier = this.#frontier.clone()
    while (frontier.size < size) {
      const count = Math.min(LEAVES_PER_READ, size - frontier.size)
      const entries = await this.#options.store.reader.auditEntries(frontier.size, count)
      const wrong = entries.find((entry, i) => entry.position !== frontier.size + i || !this.#isOurs(entry))
      if (wrong !== undefined || entries.length < count) {
        return this.#halt(
          `leaf ${wrong?.position ?? frontier.size + entries.length} was not written by this server`,
        )
      }
      for (const entry of entries) frontier.append(entry.leafHash)
    }
    return frontier
  }

  #sign(checkpoint: Checkpoint): SignedCheckpoint {
    const signer = {
      key: this.#key,
      sign: (message: Uint8Array) => this.#options.keyring.signCheckpoint(message),
    }
    return { size: checkpoint.size, note: signNote(formatCheckpoint(checkpoint), [signer]) }
  }

  #isOurs(entry: AuditEntry): boolean {
    if (!equalBytes(leafHash(sha256, entry.bytes), entry.leafHash)) return false
    const leaf = splitLeaf(entry.bytes)
    return leaf !== null && equalInConstantTime(this.#options.keyring.leafMac(leaf.body), leaf.mac)
  }

  #halt(why: string): null {
    this.#options.store.halt(why)
    this.#options.log('error', 'audit.halted', { why })
    return null
  }
}

const LOOK = 'see docs/operate/troubleshooting.md before anything else. Nothing was changed.'

/** StartError unless this installation signed the note, under whatever origin. */
function requireOwnNote(note: string, keyring: Keyring): void {
  const name = note.slice(0, Math.max(0, note.indexOf('\n'))) || 'none'
  openCheckpoint(note, noteKey(sha256, name, keyring.checkpointPublicKey))
}

function openCheckpoint(note: string, key: NoteKey): Checkpoint {
  try {
    const opened = openNote(note, [key], verifyEd25519)
    if (opened.signedBy.length > 0) return parseCheckpoint(opened.text)
  } catch (cause) {
    throw new StartError(`A stored checkpoint is not signed by this installation's key: ${LOOK}`, { cause })
  }
  throw new StartError(`A stored checkpoint is not signed by this installation's key: ${LOOK}`)
}

/** The right edge of the stored tree at an earlier size. */
async function frontierAt(reader: Reader, size: number): Promise<Frontier> {
  const frontier = await readFrontier(sha256, size, (level, index) => reader.auditNode(level, index))
  if (frontier === null) throw new StartError(`The audit log lacks a part below size ${size}: ${LOOK}`)
  return frontier
}
