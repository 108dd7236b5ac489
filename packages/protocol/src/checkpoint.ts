// C2SP signed-note, tlog-checkpoint
import {
  base64Decode,
  base64Encode,
  concatBytes,
  equalBytes,
  hexDecode,
  hexEncode,
  utf8Encode,
} from './bytes.ts'
import { HASH_BYTES, type Sha256 } from './hash.ts'

/** What a log promises with its signature: its name, how many leaves it has, their Merkle tree hash. */
export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Uint8Array }

/** A public Ed25519 key with its name; `id` is the first 4 bytes of the hash that C2SP signed-note prescribes. */
export type NoteKey = { readonly name: string; readonly id: Uint8Array; readonly publicKey: Uint8Array }

/** Whoever can sign notes under `key`: returns the 64 bytes of an Ed25519 signature over exactly `message`. */
export type NoteSigner = { readonly key: NoteKey; readonly sign: (message: Uint8Array) => Uint8Array }

/** Whether `signature` (64 bytes) by `publicKey` (32 bytes) over `message` verifies as in RFC 8032. */
export type VerifyEd25519 = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean

/** A note of which at least one signature was verified. */
export type OpenedNote = { readonly text: string; readonly signedBy: readonly NoteKey[] }

/** A note, key or checkpoint that must not be used; `message` is one plain sentence without its content. */
export class NoteError extends Error {
  override readonly name = 'NoteError'
}

// C2SP demands at least 16; post-quantum signatures are below 5 kB, so this bounds a note to some 300 kB.
const SIGNATURES_MAX = 64
const NOTE_LENGTH_MAX = 512 * 1024
const KEY_ID_BYTES = 4
const ED25519_TYPE = 0x01
const ED25519_PUBLIC_KEY_BYTES = 32
const ED25519_SIGNATURE_BYTES = 64
const SIGNATURE_LINE_START = '\u2014 '

/** The signed text: three lines (origin, decimal size, base64 root). Throws NoteError for what parse would refuse. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const text = `${checkpoint.origin}\n${checkpoint.size}\n${base64Encode(checkpoint.root)}\n`
  parseCheckpoint(text)
  return text
}

/** Reads the text of a checkpoint note whose signatures were already verified. Extension lines are refused. */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split('\n')
  const [origin, sizeText, rootText, end] = lines
  if (lines.length !== 4 || end !== '') throw new NoteError('a checkpoint has exactly three lines')
  if (origin === undefined || origin === '') throw new NoteError('a checkpoint names its origin')
  requireNoControls(origin)
  if (sizeText === undefined || !/^(0|[1-9][0-9]{0,15})$/.test(sizeText)) {
    throw new NoteError('the size of a checkpoint is a decimal number')
  }
  const size = Number(sizeText)
  if (!Number.isSafeInteger(size)) throw new NoteError('the size of a checkpoint exceeds 2^53 - 1')
  const root = rootText === undefined ? null : base64Decode(rootText)
  if (root?.length !== HASH_BYTES) throw new NoteError('the root of a checkpoint is 32 bytes of base64')
  return { origin, size, root }
}

/** Names a key: computes the id that ties name, type and the 32 bytes of the public key together. */
export function noteKey(sha256: Sha256, name: string, publicKey: Uint8Array): NoteKey {
  if (!isKeyName(name)) throw new NoteError('a key name is not empty and has neither spaces nor "+"')
  if (publicKey.length !== ED25519_PUBLIC_KEY_BYTES) throw new NoteError('an Ed25519 public key has 32 bytes')
  const hash = sha256(utf8Encode(`${name}\n`), Uint8Array.of(ED25519_TYPE), publicKey)
  return { name, id: hash.slice(0, KEY_ID_BYTES), publicKey }
}

/** The verifier key text `name+id+base64(type || key)`. */
export function formatVerifierKey(key: NoteKey): string {
  return `${key.name}+${hexEncode(key.id)}+${base64Encode(concatBytes(Uint8Array.of(ED25519_TYPE), key.publicKey))}`
}

/** Reads `name+id+base64(type || key)`; throws NoteError unless it is an Ed25519 key whose id is the right one. */
export function parseVerifierKey(sha256: Sha256, text: string): NoteKey {
  const [, name, idText, keyText] = /^([^+]+)\+([^+]+)\+(.+)$/.exec(text) ?? []
  if (name === undefined || idText === undefined || keyText === undefined) {
    throw new NoteError('a verifier key has the form name+id+key')
  }
  const typed = base64Decode(keyText)
  if (typed === null || typed.length === 0) throw new NoteError('a verifier key ends in base64')
  if (typed[0] !== ED25519_TYPE) throw new NoteError('only Ed25519 verifier keys (type 1) are supported')
  const key = noteKey(sha256, name, typed.slice(1))
  const id = hexDecode(idText)
  if (id === null || !equalBytes(id, key.id))
    throw new NoteError('the id of the verifier key does not match it')
  return key
}

/** The note: `text` (ends in a newline), a blank line, one signature line per signer. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  requireNoteText(text)
  if (signers.length === 0) throw new NoteError('a note has at least one signature')
  const message = utf8Encode(text)
  const lines = signers.map(({ key, sign }) => {
    const signature = sign(message)
    if (signature.length !== ED25519_SIGNATURE_BYTES) throw new NoteError('an Ed25519 signature has 64 bytes')
    return `${SIGNATURE_LINE_START}${key.name} ${base64Encode(concatBytes(key.id, signature))}\n`
  })
  return `${text}\n${lines.join('')}`
}

/**
 * The text of a note that at least one of `keys` has signed. Signatures of unknown keys are ignored. Throws NoteError
 * when the form is wrong, when a signature of a known key fails or comes twice, or when none of the keys has signed.
 */
export function openNote(note: string, keys: readonly NoteKey[], verifyEd25519: VerifyEd25519): OpenedNote {
  const { text, signatures } = splitNote(note)
  const message = utf8Encode(text)
  const signedBy: NoteKey[] = []
  for (const { name, id, signature } of signatures) {
    const key = keys.find((known) => known.name === name && equalBytes(known.id, id))
    if (key === undefined) continue
    if (signedBy.includes(key)) throw new NoteError(`the key ${key.name} has signed twice`)
    if (signature.length !== ED25519_SIGNATURE_BYTES || !verifyEd25519(key.publicKey, message, signature)) {
      throw new NoteError(`the signature of ${key.name} does not verify`)
    }
    signedBy.push(key)
  }
  if (signedBy.length === 0) throw new NoteError('no trusted key has signed')
  return { text, signedBy }
}

type SignatureLine = { readonly name: string; readonly id: Uint8Array; readonly signature: Uint8Array }

function splitNote(note: string): { text: string; signatures: SignatureLine[] } {
  if (note.length > NOTE_LENGTH_MAX) throw new NoteError('the note is too long')
  const blank = note.lastIndexOf('\n\n')
  if (blank < 0) throw new NoteError('a note has a blank line before its signatures')
  if (!note.endsWith('\n')) throw new NoteError('a note ends in a newline')
  const text = note.slice(0, blank + 1)
  requireNoteText(text)
  const lines = note.slice(blank + 2, -1).split('\n')
  if (lines.length > SIGNATURES_MAX) throw new NoteError(`a note has at most ${SIGNATURES_MAX} signatures`)
  return { text, signatures: lines.map(parseSignatureLine) }
}

function parseSignatureLine(line: string): SignatureLine {
  requireNoControls(line)
  if (!line.startsWith(SIGNATURE_LINE_START))
    throw new NoteError('a signature line starts with a dash and a space')
  const [name, encoded, ...more] = line.slice(SIGNATURE_LINE_START.length).split(' ')
  if (name === undefined || encoded === undefined || more.length > 0 || !isKeyName(name)) {
    throw new NoteError('a signature line has a key name and a signature')
  }
  const bytes = base64Decode(encoded)
  if (bytes === null || bytes.length <= KEY_ID_BYTES)
    throw new NoteError('a signature is base64 of key id and bytes')
  return { name, id: bytes.slice(0, KEY_ID_BYTES), signature: bytes.slice(KEY_ID_BYTES) }
}

function requireNoteText(text: string): void {
  if (!text.endsWith('\n')) throw new NoteError('the text of a note ends in a newline')
  requireNoControls(text.replaceAll('\n', ''))
}

function requireNoControls(text: string): void {
  // C2SP signed-note, Format: valid UTF-8 without characters below U+0020 other than newline.
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) < 0x20) throw new NoteError('a note has no control characters')
  }
  if (!text.isWellFormed()) throw new NoteError('a note is valid Unicode')
}

function isKeyName(name: string): boolean {
  return name !== '' && !/[\s+\u0085]/.test(name) && name.isWellFormed()
}
