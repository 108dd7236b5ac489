/**
 * The text of an API key: `{brand}_{kind}_{env}_{locator12}_{secret32}{crc6}`, base62.
 *
 * The locator is public (71 bits), the secret has 190 random bits, and the checksum covers a product tag and
 * everything before it: a scanner recognises the keys of every deployment whatever its brand, and a typing error or
 * another environment's tag is refused before any look-up. A CRC is no secret: it proves nothing about who made the key.
 */
export const KEY_KINDS = ['key', 'sig', 'pub', 'tmp', 'root'] as const
export type KeyKind = (typeof KEY_KINDS)[number]

export const ENVIRONMENTS = ['production', 'staging', 'development'] as const
export type Environment = (typeof ENVIRONMENTS)[number]

/** How an environment is written inside a key. */
export const ENVIRONMENT_TAGS: Readonly<Record<Environment, string>> = {
  production: 'live',
  staging: 'test',
  development: 'dev',
}

export interface ApiKeyParts {
  readonly brand: string
  readonly kind: KeyKind
  readonly environment: Environment
  /** 12 base62 characters, public. */
  readonly locator: string
  /** 32 base62 characters: never log it, never store it. */
  readonly secret: string
}

/** 2 to 12 characters of `[a-z0-9]`, a letter first; no underscore, so that a key splits in one way only. */
export const BRAND_PATTERN = '^[a-z][a-z0-9]{1,11}$'
export const LOCATOR_LENGTH = 12
export const SECRET_LENGTH = 32
/** Longest text that can be a key: brand 12, kind 4, env 4, locator 12, secret 32, checksum 6 and four underscores. */
export const KEY_TEXT_LENGTH_MAX = 74

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const CHECKSUM_LENGTH = 6
const CHECKSUM_TAG = 'keystead/v1:'

/**
 * The form of a key as a regular expression, without a checksum and without anchors: what parsing and every scanner rule
 * are made from. Groups: brand, kind, environment, locator, secret, checksum. `brand` is a pattern or literal text; the
 * syntax is common to JavaScript, RE2 and PCRE.
 */
export function keyTextPattern(brand: string, kinds: readonly KeyKind[] = KEY_KINDS): string {
  const base62 = (length: number): string => `([0-9A-Za-z]{${length}})`
  const tags = Object.values(ENVIRONMENT_TAGS).join('|')
  const locator = base62(LOCATOR_LENGTH)
  return `(${brand})_(${kinds.join('|')})_(${tags})_${locator}_${base62(SECRET_LENGTH)}${base62(CHECKSUM_LENGTH)}`
}

const KEY_TEXT = new RegExp(`^${keyTextPattern(BRAND_PATTERN.slice(1, -1))}$`)

/**
 * Splits a key's text and checks its checksum, offline, in about a microsecond. Never throws.
 * Returns null for whatever is not a well-formed key. Says nothing about whether such a key was ever issued.
 */
export function parseApiKey(text: unknown): ApiKeyParts | null {
  if (typeof text !== 'string' || text.length > KEY_TEXT_LENGTH_MAX) return null
  const match = KEY_TEXT.exec(text)
  if (match === null) return null
  const [, brand = '', kind = '', tag = '', locator = '', secret = ''] = match
  if (!endsWithItsChecksum(text)) return null
  return { brand, kind: kind as KeyKind, environment: environmentOfTag(tag), locator, secret }
}

/** Writes a key's text, checksum included. The parts must be well-formed: a broken one is a RangeError. */
export function formatApiKey(parts: ApiKeyParts): string {
  const body = `${parts.brand}_${parts.kind}_${ENVIRONMENT_TAGS[parts.environment]}_${parts.locator}_${parts.secret}`
  const text = body + apiKeyChecksum(body)
  if (!KEY_TEXT.test(text)) throw new RangeError('these parts do not make a well-formed key')
  return text
}

/** Six base62 characters: CRC-32 (IEEE 802.3) of the product tag and `body`, most significant digit first. */
export function apiKeyChecksum(body: string): string {
  let rest = crc32(body, body.length, CHECKSUM_TAG_CRC)
  let text = ''
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    text = ALPHABET.charAt(rest % 62) + text
    rest = Math.floor(rest / 62)
  }
  return text
}

/**
 * `length` base62 characters, each drawn evenly by rejection sampling: a byte of 248 or more is thrown away, since
 * 248 = 4 x 62 is the largest multiple that fits (no modulo bias).
 * `random(n)` must return n bytes from a CSPRNG.
 */
export function randomBase62(length: number, random: (bytes: number) => Uint8Array): string {
  let text = ''
  while (text.length < length) {
    for (const byte of random(length + (length >> 2))) {
      if (byte < 248 && text.length < length) text += ALPHABET.charAt(byte % 62)
    }
  }
  return text
}

/**
 * What is hashed into the stored verifier of one key version: domain-separated over locator and secret, so that a
 * digest copied to another key's row verifies nothing. 54 bytes, since 55 fit into one block of SHA-256 (FIPS 180-4,
 * 5.1.1); both parts have fixed lengths, so nothing needs to stand between them. The verifier is the base64url of its
 * SHA-256.
 */
export function keyDigestInput(locator: string, secret: string): string {
  return `ks-key/v1:${locator}${secret}`
}

/** The public part that logs, screens and support may show: everything but secret and checksum. */
export function publicPart(parts: ApiKeyParts): string {
  return `${parts.brand}_${parts.kind}_${ENVIRONMENT_TAGS[parts.environment]}_${parts.locator}`
}

function environmentOfTag(tag: string): Environment {
  if (tag === 'live') return 'production'
  return tag === 'test' ? 'staging' : 'development'
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0)
  return remainder
})

const CHECKSUM_TAG_CRC = crc32(CHECKSUM_TAG, CHECKSUM_TAG.length, 0)

/** As apiKeyChecksum of what stands before it, without making a text: every verification asks twice. */
function endsWithItsChecksum(text: string): boolean {
  const end = text.length - CHECKSUM_LENGTH
  let rest = crc32(text, end, CHECKSUM_TAG_CRC)
  for (let at = text.length - 1; at >= end; at--) {
    if (text.charCodeAt(at) !== ALPHABET.charCodeAt(rest % 62)) return false
    rest = Math.floor(rest / 62)
  }
  return true
}

/** Of the first `length` characters. */
function crc32(ascii: string, length: number, previous: number): number {
  let crc = ~previous
  for (let i = 0; i < length; i++) {
    crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ ascii.charCodeAt(i)) & 0xff] ?? 0)
  }
  return ~crc >>> 0
}
