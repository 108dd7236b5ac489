// C2SP tlog-policy, the part without witnesses
import { equalBytes } from './bytes.ts'
import { type NoteKey, parseVerifierKey } from './checkpoint.ts'
import type { Sha256 } from './hash.ts'

/** A trust policy that this program cannot follow to the letter, and therefore refuses. */
export class TrustPolicyError extends Error {
  override readonly name = 'TrustPolicyError'
}

// C2SP tlog-policy, Implementation limits: at least 32 logs.
const LOGS_MAX = 32

/** The policy text that trusts the given logs and asks for no witnesses. */
export function formatTrustPolicy(verifierKeys: readonly string[]): string {
  return [...verifierKeys.map((key) => `log ${key}\n`), 'quorum none\n'].join('')
}

/**
 * The log keys that `text` trusts: lines `log <vkey> [<url>]`, `quorum none`, comments and empty lines; a bare verifier
 * key on a line of its own counts as a `log` line. A line that asks for witnesses is refused rather than ignored.
 * Throws TrustPolicyError (with the line number) or, for a malformed key, NoteError.
 */
export function parseTrustPolicy(sha256: Sha256, text: string): NoteKey[] {
  const keys: NoteKey[] = []
  for (const [at, line] of text.split('\n').entries()) {
    const words = line.split(/[ \t]+/).filter((word) => word !== '')
    const verifierKey = verifierKeyOf(words, at + 1)
    if (verifierKey === null) continue
    const key = parseVerifierKey(sha256, verifierKey)
    if (keys.some((known) => equalBytes(known.publicKey, key.publicKey))) {
      throw new TrustPolicyError(`line ${at + 1}: the same key twice`)
    }
    keys.push(key)
  }
  if (keys.length === 0) throw new TrustPolicyError('the trust policy names no log')
  if (keys.length > LOGS_MAX) throw new TrustPolicyError(`the trust policy names more than ${LOGS_MAX} logs`)
  return keys
}

function verifierKeyOf(words: readonly string[], lineNumber: number): string | null {
  const [word, second] = words
  if (word === undefined || word.startsWith('#')) return null
  if (word === 'log' && second !== undefined && words.length <= 3) return second
  if (word === 'quorum' && second === 'none' && words.length === 2) return null
  if (words.length === 1 && word.includes('+')) return word
  throw new TrustPolicyError(`line ${lineNumber}: not supported (only "log <key>" and "quorum none" are)`)
}
