import { randomBytes } from 'node:crypto'

/** `length` bytes from a CSPRNG. The only source of randomness of the server; tests may pass a seeded one. */
export type Random = (length: number) => Uint8Array

export const systemRandom: Random = (length) => randomBytes(length)
