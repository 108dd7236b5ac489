import type { Secret } from '../secret.ts'

/**
 * The port to whatever protects the root key: a file, an HSM, a cloud KMS. It unwraps the 32-byte root key once, at
 * start; everything else is derived from it (keyring.ts).
 */
export interface Seal {
  /** A short word for screens and health answers, e.g. `file`. */
  readonly kind: string
  /** What an operator must be told loudly at every start, or null. */
  readonly warning: string | null
  /** The root key, 32 bytes. StartError with what to do when the seal refuses or cannot be read. Dispose it. */
  unseal(): Promise<Secret<Uint8Array>>
}

/** For single values that a row holds. */
export interface Cipher {
  /**
   * AES-256-GCM (NIST SP 800-38D) under a key derived for `context` alone, base64url of nonce, ciphertext and tag: to be
   * kept in the row that the context names.
   */
  encrypt(context: string, plaintext: Uint8Array): string
  /** What was encrypted for this context; null for any other text: altered, cut, or of another row. */
  decrypt(context: string, text: string): Uint8Array | null
  /**
   * HMAC-SHA-256 over what a client asked, base64url (43 characters): tells requests apart, and nobody who reads the
   * database can guess what was in one.
   */
  requestMac(text: string): string
}

/** What the server does with the keys under the root key. The keys themselves never leave it. */
export interface Keyring extends Cipher {
  /** HMAC-SHA-256 over a row's canonical text, base64url (43 characters). Makes a row written by SQL worthless (T-05). */
  rowMac(text: string): string
  /** HMAC-SHA-256 over size and root of the log, base64url. Makes a log that was changed at rest show (T-06). */
  headMac(text: string): string
  /** HMAC-SHA-256 over a leaf's bytes without its MAC, base64url. Makes a leaf written by SQL worthless (T-06). */
  leafMac(bytes: Uint8Array): string
  /** HMAC-SHA-256 over the digest of a snapshot file, base64url. Makes a file from elsewhere worthless (T-25). */
  snapshotMac(digest: Uint8Array): string
  /** 32 bytes: the salt of a commitment, reproducible, so that it can be opened later without having been stored. */
  commitmentSalt(subject: string): Uint8Array
  /** Ed25519 (RFC 8032) signature, 64 bytes, by the log's checkpoint key. */
  signCheckpoint(message: Uint8Array): Uint8Array
  /** The log's public key, 32 bytes. */
  readonly checkpointPublicKey: Uint8Array
}
