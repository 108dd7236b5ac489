// RFC 3629 (UTF-8), RFC 4648 (base64, base64url, hex): strict in both directions, one text for one value.

const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const URL_SAFE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const NOT_IN_ALPHABET = 255
const STANDARD_VALUES = valuesOf(STANDARD)
const URL_SAFE_VALUES = valuesOf(URL_SAFE)

/** UTF-8 bytes of `text`. Throws TypeError on a lone surrogate, which has no UTF-8 form. */
export function utf8Encode(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new TypeError('text has a lone surrogate')
  return new TextEncoder().encode(text)
}

/** The text of `bytes`, or null when they are not valid UTF-8. A byte order mark is kept as U+FEFF. */
export function utf8Decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

/** RFC 4648 section 4, with padding. */
export function base64Encode(bytes: Uint8Array): string {
  return encode(bytes, STANDARD) + '='.repeat((3 - (bytes.length % 3)) % 3)
}

/** The bytes of `text`, or null unless it is exactly what base64Encode writes: padded, zero trailing bits, no spaces. */
export function base64Decode(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return decode(text.slice(0, text.length - padding), STANDARD_VALUES)
}

/** RFC 4648 section 5, without padding. */
export function base64UrlEncode(bytes: Uint8Array): string {
  return encode(bytes, URL_SAFE)
}

/** The bytes of `text`, or null unless it is exactly what base64UrlEncode writes: no padding, zero trailing bits. */
export function base64UrlDecode(text: string): Uint8Array | null {
  return decode(text, URL_SAFE_VALUES)
}

/** Lower-case hex. */
export function hexEncode(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

/** The bytes of lower-case hex `text`, or null. */
export function hexDecode(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) return null
  return Uint8Array.from({ length: text.length / 2 }, (_, at) =>
    Number.parseInt(text.slice(at * 2, at * 2 + 2), 16),
  )
}

/** Whether both hold the same bytes. NOT constant time: for public values (hashes of a log) only, never for secrets. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false
  return true
}

/** A new array with the bytes of all parts in order. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

function encode(bytes: Uint8Array, alphabet: string): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const left = Math.min(3, bytes.length - at)
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    for (let digit = 0; digit <= left; digit++) text += alphabet.charAt((group >> (18 - 6 * digit)) & 63)
  }
  return text
}

function decode(text: string, values: Uint8Array): Uint8Array | null {
  if (text.length % 4 === 1) return null
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let pending = 0
  let pendingBits = 0
  let written = 0
  for (let at = 0; at < text.length; at++) {
    const value = values[text.charCodeAt(at)] ?? NOT_IN_ALPHABET
    if (value === NOT_IN_ALPHABET) return null
    pending = ((pending << 6) | value) & 0xffff
    pendingBits += 6
    if (pendingBits < 8) continue
    pendingBits -= 8
    bytes[written++] = (pending >> pendingBits) & 0xff
  }
  // RFC 4648 section 3.5: unused trailing bits must be zero, or two texts would mean the same bytes.
  if ((pending & ((1 << pendingBits) - 1)) !== 0) return null
  return bytes
}

function valuesOf(alphabet: string): Uint8Array {
  const values = new Uint8Array(128).fill(NOT_IN_ALPHABET)
  for (let value = 0; value < alphabet.length; value++) values[alphabet.charCodeAt(value)] = value
  return values
}
