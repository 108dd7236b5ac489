import { createHmac, hash, type KeyObject } from 'node:crypto'
import type { ImportAlgorithm } from '../../storage/records.ts'

/** SHA-2 (FIPS 180-4) and HMAC (RFC 2104): fast enough for every verification. */
export const FAST_ALGORITHMS = ['sha256', 'sha512', 'hmac-sha256'] as const
export type FastAlgorithm = (typeof FAST_ALGORITHMS)[number]

const BYTES: Readonly<Record<FastAlgorithm, number>> = { sha256: 32, sha512: 64, 'hmac-sha256': 32 }

/** Whether a key's text is found by its hash alone. */
export function isFast(algorithm: ImportAlgorithm): algorithm is FastAlgorithm {
  return FAST_ALGORITHMS.some((fast) => fast === algorithm)
}

/**
 * A hash as other systems write it down, hex or base64 or base64url with or without padding, as base64url; null when it
 * is not exactly one hash of this algorithm (RFC 4648).
 */
export function readFastHash(algorithm: FastAlgorithm, text: string): string | null {
  const length = BYTES[algorithm]
  if (text.length === 2 * length)
    return /^[0-9a-fA-F]*$/.test(text) ? Buffer.from(text, 'hex').toString('base64url') : null
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) return null
  const bare = text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_')
  const bytes = Buffer.from(bare, 'base64url')
  return bytes.length === length && bytes.toString('base64url') === bare ? bare : null
}

/** base64url. `key`: of the HMAC; null for the others. */
export function fastHash(algorithm: FastAlgorithm, key: KeyObject | null, text: string): string {
  if (algorithm !== 'hmac-sha256') return hash(algorithm, text, 'base64url')
  if (key === null) throw new Error('an HMAC without its key')
  return createHmac('sha256', key).update(text).digest('base64url')
}
