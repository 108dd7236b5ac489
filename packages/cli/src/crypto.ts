import { createHash, createPublicKey, verify } from 'node:crypto'

/** SHA-256 of the concatenated parts, 32 bytes; what @keystead/protocol wants injected. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

/** Whether `signature` over `message` verifies under the raw Ed25519 public key (32 bytes). RFC 8032. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const x = Buffer.from(publicKey).toString('base64url')
  return verify(
    null,
    message,
    createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }),
    signature,
  )
}
