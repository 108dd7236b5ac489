// The record of one use of a key, version 1: 32 bytes, integers big-endian
import { VERIFICATION_CODES, type VerificationCode } from './decision.ts'

/**
 * Layout, by offset and length:
 *   0   6  time, epoch milliseconds
 *   6  16  the ULID of the key's id; zero where the presented text proved no key
 *  22   4  number of the key's version; zero where there is no key
 *  26   1  what was answered: place in VERIFICATION_CODES, from 1
 *  27   1  flags: 1 = the text was presented as a credential for Keystead itself; the other bits are zero
 *  28   4  with that flag, how many more times exactly this happened in the same millisecond; zero without it
 */
export const USE_RECORD_BYTES = 32

const AT = 0
const KEY = 6
const KEY_BYTES = 16
const VERSION = KEY + KEY_BYTES
const CODE = 26
const FLAGS = 27
/** Where a record says how many more uses it stands for. */
export const USE_REPEATS = 28
const CALLER = 1
/** Half of the milliseconds that 6 bytes hold. */
const HIGH = 2 ** 32

/** One use: which key and version was answered what, and when. */
export interface Use {
  /** Epoch milliseconds, below 2^48. */
  readonly at: number
  /** `key_...`, or null where the presented text proved no key. */
  readonly keyId: string | null
  /** From 1; 0 where there is no key. Below 2^32. */
  readonly versionNumber: number
  readonly code: VerificationCode
  /** Whether the text was presented as a credential for Keystead itself. */
  readonly asCaller: boolean
  /** How many more times exactly this happened in the same millisecond. Only of callers: a gateway asks for all its clients. */
  readonly repeats: number
}

/** Writes records one after the other into memory that is there already: nothing is allocated for a use. */
export class UseWriter {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #count = 0
  /** The record of a caller that was written last, by its first byte; none yet for null. */
  #caller: { readonly use: Omit<Use, 'asCaller' | 'repeats'>; readonly from: number } | null = null

  /** `recordsMax`: how many records there is room for. */
  constructor(recordsMax: number) {
    this.#bytes = new Uint8Array(recordsMax * USE_RECORD_BYTES)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** How many records have been written. */
  get count(): number {
    return this.#count
  }

  /** What has been written, in place: it changes with the next `clear`. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#count * USE_RECORD_BYTES)
  }

  /** False, and nothing written, when there is no room. The key's id is not checked: it comes from the server itself. */
  add(
    at: number,
    keyId: string | null,
    versionNumber: number,
    code: VerificationCode,
    asCaller: boolean,
  ): boolean {
    if (asCaller && this.#repeats(at, keyId, versionNumber, code)) return true
    const from = this.#count * USE_RECORD_BYTES
    if (from >= this.#bytes.length) return false
    const view = this.#view
    const high = Math.floor(at / HIGH)
    view.setUint16(from + AT, high)
    // Not by `%`, which is slow for what is no 32-bit integer.
    view.setUint32(from + AT + 2, at - high * HIGH)
    if (keyId === null) this.#bytes.fill(0, from + KEY, from + VERSION)
    else writeUlid(this.#bytes, from + KEY, keyId, KEY_PREFIX.length)
    view.setUint32(from + VERSION, versionNumber)
    view.setUint8(from + CODE, VERIFICATION_CODES.indexOf(code) + 1)
    view.setUint8(from + FLAGS, asCaller ? CALLER : 0)
    view.setUint32(from + USE_REPEATS, 0)
    if (asCaller) this.#caller = { use: { at, keyId, versionNumber, code }, from }
    this.#count += 1
    return true
  }

  /** Forgets what has been written. */
  clear(): void {
    this.#count = 0
    this.#caller = null
  }

  /** Counts this one with the record before it of a caller, if it is just like it. */
  #repeats(at: number, keyId: string | null, versionNumber: number, code: VerificationCode): boolean {
    if (this.#caller === null) return false
    const { use, from } = this.#caller
    if (use.at !== at || use.keyId !== keyId) return false
    if (use.versionNumber !== versionNumber || use.code !== code) return false
    this.#view.setUint32(from + USE_REPEATS, this.#view.getUint32(from + USE_REPEATS) + 1)
    return true
  }
}

/** The record at `index`, or null when the bytes there are not what a UseWriter writes. */
export function readUse(bytes: Uint8Array, index: number): Use | null {
  const from = index * USE_RECORD_BYTES
  if (from < 0 || from + USE_RECORD_BYTES > bytes.length) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset + from, USE_RECORD_BYTES)
  const code = VERIFICATION_CODES[view.getUint8(CODE) - 1]
  const flags = view.getUint8(FLAGS)
  const repeats = view.getUint32(USE_REPEATS)
  if (code === undefined || flags > CALLER || (repeats !== 0 && flags !== CALLER)) return null
  const isUnknown = bytes.subarray(from + KEY, from + VERSION).every((byte) => byte === 0)
  const versionNumber = view.getUint32(VERSION)
  if (isUnknown !== (versionNumber === 0) || isUnknown !== (code === 'NOT_FOUND')) return null
  return {
    at: view.getUint16(AT) * HIGH + view.getUint32(AT + 2),
    keyId: isUnknown ? null : KEY_PREFIX + readUlid(bytes, from + KEY),
    versionNumber,
    code,
    asCaller: flags === CALLER,
    repeats,
  }
}

const KEY_PREFIX = 'key_'
/** Crockford base32, lower case. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const VALUES = Uint8Array.from({ length: 128 }, (_, at) => {
  const value = ALPHABET.indexOf(String.fromCharCode(at))
  return value === -1 ? 0 : value
})
const ULID_LENGTH = 26

/** 26 characters hold 130 bits, of which the first two are zero. */
function writeUlid(bytes: Uint8Array, to: number, text: string, from: number): void {
  let value = VALUES[text.charCodeAt(from) & 127] ?? 0
  let bits = 3
  let at = to
  for (let i = 1; i < ULID_LENGTH; i++) {
    value = (value << 5) | (VALUES[text.charCodeAt(from + i) & 127] ?? 0)
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = value >>> bits
      value &= (1 << bits) - 1
    }
  }
}

function readUlid(bytes: Uint8Array, from: number): string {
  let text = ''
  let value = 0
  let bits = 2
  for (let i = 0; i < 16; i++) {
    value = (value << 8) | (bytes[from + i] ?? 0)
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET.charAt((value >>> bits) & 31)
      value &= (1 << bits) - 1
    }
  }
  return text
}
