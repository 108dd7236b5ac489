/** AES-256-GCM (NIST SP 800-38D) under a key from a file, or from a passphrase by Argon2id (RFC 9106). */
import { argon2, createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { StartError } from '../errors.ts'
import { fileExists } from '../file-failure.ts'
import type { Random } from '../random.ts'
import { Secret } from '../secret.ts'
import { writeNewFile } from '../write-file.ts'
import { readSecretFile } from '../secret-file.ts'
import type { Seal } from './keystore.ts'

export interface FileSealOptions {
  readonly dataDir: string
  /** A file that holds the passphrase (its last newline is dropped), or null: a generated key file beside the data. */
  readonly passphraseFile: string | null
  readonly random: Random
}

const KEYSTORE_FILE = 'keystore.json'
const KEY_FILE = 'seal.key'
/** RFC 9106 section 4, second recommended choice: 64 MiB, 3 passes, 4 lanes. About 0.2 s, once at start. */
const ARGON2 = { memory: 65_536, passes: 3, parallelism: 4 } as const
const PASSPHRASE_LENGTH_MIN = 12
const AAD = Buffer.from('keystead/file-seal/v1')

interface KeystoreFile {
  readonly v: 1
  readonly seal: 'passphrase' | 'key-file'
  readonly salt: string
  readonly nonce: string
  readonly wrapped: string
}

/**
 * Opens `keystore.json` in the data folder, or creates it, with a fresh root key, when `create` says that the
 * installation is new. StartError when the file is missing, damaged, or does not open with the passphrase or key file.
 */
export async function openFileSeal(options: FileSealOptions, create: boolean): Promise<Seal> {
  const path = join(options.dataDir, KEYSTORE_FILE)
  if (create && !fileExists(path)) await createKeystore(path, options)
  if (!fileExists(path)) {
    throw new StartError(
      `${path} is missing: without it nothing can be opened. Put it back from your backup.`,
    )
  }
  const file = parseKeystore(path)
  return {
    kind: 'file',
    warning:
      file.seal === 'passphrase'
        ? null
        : `the root key is protected only by ${join(options.dataDir, KEY_FILE)}: whoever reads the data folder owns every key. ` +
          'For anything but a trial set KEYSTEAD_SEAL_PASSPHRASE_FILE before the first start.',
    unseal: () => unwrap(path, file, options),
  }
}

async function createKeystore(path: string, options: FileSealOptions): Promise<void> {
  const salt = options.random(16)
  const seal = options.passphraseFile === null ? 'key-file' : 'passphrase'
  // A start that was killed between the two files left the first one: it protects nothing yet and serves as well.
  if (seal === 'key-file' && !fileExists(join(options.dataDir, KEY_FILE))) {
    writeNewFile(
      join(options.dataDir, KEY_FILE),
      `${Buffer.from(options.random(32)).toString('base64url')}\n`,
    )
  }
  const key = await wrappingKey(seal, salt, options)
  using root = new Secret(options.random(32))
  const nonce = options.random(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(AAD)
  const wrapped = Buffer.concat([cipher.update(root.reveal()), cipher.final(), cipher.getAuthTag()])
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
  const file: KeystoreFile = { v: 1, seal, salt: text(salt), nonce: text(nonce), wrapped: text(wrapped) }
  writeNewFile(path, `${JSON.stringify(file)}\n`)
}

async function unwrap(
  path: string,
  file: KeystoreFile,
  options: FileSealOptions,
): Promise<Secret<Uint8Array>> {
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64url')
  const key = await wrappingKey(file.seal, bytes(file.salt), options)
  const wrapped = bytes(file.wrapped)
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes(file.nonce)).setAAD(AAD)
    decipher.setAuthTag(wrapped.subarray(-16))
    return new Secret(Buffer.concat([decipher.update(wrapped.subarray(0, -16)), decipher.final()]))
  } catch (cause) {
    const what = file.seal === 'passphrase' ? 'The passphrase' : KEY_FILE
    throw new StartError(`${what} does not open ${path}. Use the one that it was made with.`, { cause })
  }
}

async function wrappingKey(
  seal: KeystoreFile['seal'],
  salt: Uint8Array,
  options: FileSealOptions,
): Promise<KeyObject> {
  if (seal === 'key-file') {
    const path = join(options.dataDir, KEY_FILE)
    const key = Buffer.from(readSecretFile(path).trim(), 'base64url')
    if (key.length !== 32) throw new StartError(`${path} is damaged: it must hold 32 bytes in base64url.`)
    return createSecretKey(key)
  }
  if (options.passphraseFile === null) {
    throw new StartError(
      'This keystore opens with a passphrase: set KEYSTEAD_SEAL_PASSPHRASE_FILE to a file that holds it.',
    )
  }
  const passphrase = readSecretFile(options.passphraseFile).replace(/\r?\n$/, '')
  if (passphrase.length < PASSPHRASE_LENGTH_MIN) {
    throw new StartError(
      `The passphrase in ${options.passphraseFile} is shorter than ${PASSPHRASE_LENGTH_MIN} characters.`,
    )
  }
  const key = await promisify(argon2)('argon2id', {
    ...ARGON2,
    message: passphrase,
    nonce: salt,
    tagLength: 32,
  })
  return createSecretKey(key)
}

function parseKeystore(path: string): KeystoreFile {
  const holds = (value: unknown, length: number): boolean =>
    typeof value === 'string' && Buffer.from(value, 'base64url').length === length
  try {
    const file = JSON.parse(readFileSync(path, 'utf8')) as Partial<KeystoreFile>
    const known = file.v === 1 && (file.seal === 'passphrase' || file.seal === 'key-file')
    // The 32 bytes of the root key and the 16 of the tag.
    const whole = holds(file.salt, 16) && holds(file.nonce, 12) && holds(file.wrapped, 48)
    if (known && whole) return file as KeystoreFile
  } catch (cause) {
    throw new StartError(`${path} cannot be read (${errorCode(cause)}). Put it back from your backup.`, {
      cause,
    })
  }
  throw new StartError(`${path} is damaged. Put it back from your backup.`)
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'not JSON'
}
