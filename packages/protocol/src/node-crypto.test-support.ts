// What the tests inject where a program would: hashing and Ed25519 by node:crypto, and where the vectors are.
import { createHash, createPublicKey, verify } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { VerifyEd25519 } from './checkpoint.ts'
import type { Sha256 } from './hash.ts'

export const sha256: Sha256 = (...parts) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

export const verifyEd25519: VerifyEd25519 = (publicKey, message, signature) => {
  const x = Buffer.from(publicKey).toString('base64url')
  return verify(
    null,
    message,
    createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } }),
    signature,
  )
}

/** The folder of third-party vectors and whether it is there. */
export const VECTORS = resolve(
  import.meta.dirname,
  '../../..',
  process.env['KEYSTEAD_VECTORS'] ?? '../shared/vectors',
)
export const HAS_VECTORS = existsSync(join(VECTORS, 'merkle-inclusion.jsonl'))

export function readVector(path: string): string {
  return readFileSync(join(VECTORS, path), 'utf8')
}

export function readVectorLines<Case>(path: string): Case[] {
  return readVector(path)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Case)
}
