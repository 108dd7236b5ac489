/** C2SP tlog-checkpoint: the last signed checkpoint, kept outside the database, so that an old database shows (T-07). */
import { equalBytes } from '@keystead/protocol/bytes'
import { type Checkpoint, NoteError, noteKey, openNote, parseCheckpoint } from '@keystead/protocol/checkpoint'
import { readFrontier } from '@keystead/protocol/merkle'
import { StartError } from '../errors.ts'
import { fileExists, readIfThere } from '../file-failure.ts'
import { sha256, verifyEd25519 } from '../hash.ts'
import type { Store } from '../storage/store.ts'

/**
 * What the file says; null when it is not there. StartError when it is not signed by this installation; throws when it
 * cannot be read: without a look at it no database is believed (T-07).
 */
export function readGuard(guardFile: string, publicKey: Uint8Array): Checkpoint | null {
  const note = readIfThere(guardFile)
  if (note === null) return null
  // The log may have had several origins (epoch.ts); all of them were signed with the one key.
  const key = noteKey(sha256, note.slice(0, Math.max(0, note.indexOf('\n'))) || 'none', publicKey)
  try {
    const opened = openNote(note, [key], verifyEd25519)
    if (opened.signedBy.length > 0) return parseCheckpoint(opened.text)
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
  }
  throw new StartError(
    `${guardFile} is not signed by this installation's key: see docs/operate/troubleshooting.md before anything else. Nothing was changed.`,
  )
}

/** In which way the database is not the one that was signed last; null when it is that one, or has grown from it. */
export async function differenceFromGuard(guard: Checkpoint, store: Store): Promise<string | null> {
  if (guard.size > store.head().size) return 'behind'
  const frontier = await readFrontier(sha256, guard.size, (level, index) =>
    store.reader.auditNode(level, index),
  )
  return frontier !== null && equalBytes(frontier.root(), guard.root) ? null : 'not the one of'
}

/** StartError when a guard file says that there was a log, where now there is none: the database was taken away. */
export function requireUnguarded(guardFile: string): void {
  if (!fileExists(guardFile)) return
  throw new StartError(
    `${guardFile} says that there was a log, but the database is new or empty: put the database back. See docs/operate/troubleshooting.md before anything else. Nothing was changed.`,
  )
}
