import assert from 'node:assert'

/** base64url SHA-256. */
export const DIGEST_LENGTH = 43

/** Null is kept as no number. */
export function numberOrNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value
}

/** An assertion failure unless the text has exactly this length and nothing but ASCII, as writeAscii needs it. */
export function requireAscii(text: string, length: number): void {
  assert(text.length === length && Buffer.byteLength(text) === length, 'a text of another length')
}

/** Writes a text for which requireAscii holds. */
export function writeAscii(bytes: Buffer, at: number, text: string): void {
  bytes.write(text, at, 'latin1')
}
