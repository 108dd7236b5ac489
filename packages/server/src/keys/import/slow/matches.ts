import { argon2Sync, scryptSync, timingSafeEqual } from 'node:crypto'
import bcrypt from 'bcryptjs'
import type { SlowHash } from './phc.ts'

/** bcrypt reads no further: two texts that differ after it would both be the key. */
const BCRYPT_BYTES_MAX = 72

/** Whether a text has this hash. Takes up to seconds of the thread that calls it. */
export function matches(hash: SlowHash, text: string): boolean {
  if (hash.algorithm === 'bcrypt')
    return (
      Buffer.byteLength(text) <= BCRYPT_BYTES_MAX &&
      !text.includes('\0') &&
      bcrypt.compareSync(text, hash.text)
    )
  return timingSafeEqual(hash.algorithm === 'argon2id' ? argon2id(hash, text) : scrypt(hash, text), hash.hash)
}

function argon2id(hash: SlowHash & { algorithm: 'argon2id' }, text: string): Uint8Array {
  const { memory, passes, parallelism, salt } = hash
  const tagLength = hash.hash.length
  return argon2Sync('argon2id', { message: text, nonce: salt, memory, passes, parallelism, tagLength })
}

function scrypt(hash: SlowHash & { algorithm: 'scrypt' }, text: string): Uint8Array {
  const { cost, blockSize, parallelization, salt } = hash
  const maxmem = 128 * blockSize * (cost + parallelization) + 1_048_576
  return scryptSync(text, salt, hash.hash.length, { cost, blockSize, parallelization, maxmem })
}
