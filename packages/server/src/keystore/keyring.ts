/** HKDF (RFC 5869), AES-256-GCM (NIST SP 800-38D) and Ed25519 (RFC 8032) keys under the root key. */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  hkdfSync,
  sign,
  type KeyObject,
} from 'node:crypto'
import { systemRandom } from '../random.ts'
import type { Secret } from '../secret.ts'
import type { Keyring } from './keystore.ts'

/** Derives every working key from the 32-byte root key, one HKDF label each. The root key may be disposed after. */
export function openKeyring(root: Secret<Uint8Array>): Keyring {
  const row = hmacKey(root, 'row-integrity')
  const head = hmacKey(root, 'head-integrity')
  const leaf = hmacKey(root, 'leaf-integrity')
  const snapshot = hmacKey(root, 'snapshot-integrity')
  const request = hmacKey(root, 'request-identity')
  const salt = hmacKey(root, 'commitment-salt')
  const rows = hmacKey(root, 'row-encryption')
  const checkpoint = ed25519Key(root, 'checkpoint-signature')
  return {
    rowMac: (text) => createHmac('sha256', row).update(text).digest('base64url'),
    headMac: (text) => createHmac('sha256', head).update(text).digest('base64url'),
    leafMac: (bytes) => createHmac('sha256', leaf).update(bytes).digest('base64url'),
    snapshotMac: (digest) => createHmac('sha256', snapshot).update(digest).digest('base64url'),
    requestMac: (text) => createHmac('sha256', request).update(text).digest('base64url'),
    commitmentSalt: (subject) => createHmac('sha256', salt).update(subject).digest(),
    encrypt: (context, plaintext) => {
      const nonce = systemRandom(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', rowKey(rows, context), nonce)
      const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
      return Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]).toString('base64url')
    },
    decrypt: (context, text) => {
      const bytes = Buffer.from(text, 'base64url')
      if (bytes.length < NONCE_BYTES + TAG_BYTES) return null
      const nonce = bytes.subarray(0, NONCE_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', rowKey(rows, context), nonce, {
        authTagLength: TAG_BYTES,
      })
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
      const start = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
      try {
        return Buffer.concat([start, decipher.final()])
      } catch {
        return null
      }
    },
    signCheckpoint: (message) => sign(null, message, checkpoint),
    checkpointPublicKey: rawPublicKey(checkpoint),
  }
}

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** A key for one row: nonces of different rows never meet, and a ciphertext opens in its own row only. */
function rowKey(rows: KeyObject, context: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', rows, new Uint8Array(0), context, 32))
}

function derive(root: Secret<Uint8Array>, label: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', root.reveal(), new Uint8Array(0), `keystead/v1/${label}`, 32))
}

function hmacKey(root: Secret<Uint8Array>, label: string): KeyObject {
  const bytes = derive(root, label)
  try {
    return createSecretKey(bytes)
  } finally {
    bytes.fill(0)
  }
}

/** PKCS #8 wrapping of a 32-byte Ed25519 seed (RFC 8410 section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

function ed25519Key(root: Secret<Uint8Array>, label: string): KeyObject {
  const seed = derive(root, label)
  const der = Buffer.concat([PKCS8_PREFIX, seed])
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } finally {
    seed.fill(0)
    der.fill(0)
  }
}

function rawPublicKey(privateKey: KeyObject): Uint8Array {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return new Uint8Array(spki.subarray(spki.length - 32))
}
