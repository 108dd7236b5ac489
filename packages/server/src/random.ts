import { randomBytes, randomFillSync } from 'node:crypto'

/** `length` bytes from a CSPRNG. The only source of randomness of the server; tests may pass a seeded one. */
export type Random = (length: number) => Uint8Array

export const systemRandom: Random = (length) => randomBytes(length)

/** A call of the CSPRNG costs about the same for 16 bytes as for these. */
const POOL_BYTES = 4_096

/** The system's CSPRNG, drawn in blocks: issuing a key takes six draws. What has been given out is wiped from the block. */
export function pooledRandom(): Random {
  const pool = new Uint8Array(POOL_BYTES)
  let used = POOL_BYTES
  return (length) => {
    if (length > POOL_BYTES) return systemRandom(length)
    if (used + length > POOL_BYTES) {
      randomFillSync(pool)
      used = 0
    }
    const bytes = pool.slice(used, used + length)
    pool.fill(0, used, used + length)
    used += length
    return bytes
  }
}
