import { readFile } from 'node:fs/promises'
import {
  type Checkpoint,
  type NoteKey,
  NoteError,
  openNote,
  parseCheckpoint,
} from '@keystead/protocol/checkpoint'
import { parseTrustPolicy, TrustPolicyError } from '@keystead/protocol/trust-policy'
import type { OptionSpec } from './command.ts'
import { sha256, verifyEd25519 } from './crypto.ts'
import { type CliFailure, refusal, systemCode, usageFailure } from './failure.ts'

export const TRUST_OPTION: OptionSpec = {
  type: 'text',
  placeholder: 'FILE',
  help: "the log's public key: a trust policy (`log <key>` lines) or the bare key line",
}

/** Said wherever a verification lacks its anchor. */
export const TRUST_ADVICE =
  "Get the log's key from its operator by another way than the log itself (`keystead audit key` prints it there), keep it\n" +
  'in a file of your own and name that file: --trust FILE. A key that came with the data proves nothing about the data'

/** The log keys that the file of --trust names. Usage failure when it cannot be read or followed. */
export async function readTrust(path: string): Promise<readonly NoteKey[]> {
  return parseTrust(`--trust ${path}`, await readTextFile('trust', path))
}

/** The log keys of a trust policy. Usage failure, which starts with `what`, when it cannot be followed. */
export function parseTrust(what: string, text: string): readonly NoteKey[] {
  try {
    return parseTrustPolicy(sha256, text)
  } catch (error) {
    if (error instanceof TrustPolicyError || error instanceof NoteError)
      throw usageFailure(`${what}: ${error.message}`)
    throw error
  }
}

/** The checkpoint that the server shows. Exit code 1 unless one of the keys has signed it under its own name. */
export function openServerCheckpoint(note: string, keys: readonly NoteKey[]): Checkpoint {
  return openCheckpoint(note, keys, (why) => refusal(`refuted: the server's checkpoint: ${why}`))
}

/** The older checkpoint in the file of --since. Usage failure when it is not one that the keys have signed. */
export async function readSince(path: string, keys: readonly NoteKey[]): Promise<Checkpoint> {
  const note = await readTextFile('since', path)
  return openCheckpoint(note, keys, (why) => usageFailure(`--since ${path} is unusable: ${why}`))
}

function openCheckpoint(
  note: string,
  keys: readonly NoteKey[],
  failure: (why: string) => CliFailure,
): Checkpoint {
  try {
    const { text, signedBy } = openNote(note, keys, verifyEd25519)
    const checkpoint = parseCheckpoint(text)
    if (!signedBy.some((key) => key.name === checkpoint.origin)) {
      throw new NoteError('it is signed by the key of another log')
    }
    return checkpoint
  } catch (error) {
    if (error instanceof NoteError) throw failure(error.message)
    throw error
  }
}

/** The checkpoint in a note whose signatures are NOT looked at. Exit code 1 when it has another form. */
export function readUnverifiedCheckpoint(what: string, note: string): Checkpoint {
  try {
    return parseCheckpoint(note.slice(0, note.lastIndexOf('\n\n') + 1))
  } catch (error) {
    if (error instanceof NoteError) throw refusal(`${what}: ${error.message}`)
    throw error
  }
}

/** The text of a small file named by an option. */
export async function readTextFile(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw usageFailure(`--${option} ${path} cannot be read (${systemCode(error) ?? 'unknown error'})`)
  }
}
