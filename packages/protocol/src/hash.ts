/**
 * SHA-256 of the concatenation of `parts`, 32 bytes. The protocol package computes no hashes itself: Node passes
 * `node:crypto`, a browser passes its own.
 */
export type Sha256 = (...parts: readonly Uint8Array[]) => Uint8Array

/** The length of every hash in this package, in bytes. */
export const HASH_BYTES = 32
