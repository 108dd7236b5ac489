// PHC string format; RFC 9106 (Argon2), RFC 7914 (scrypt), bcrypt as OpenBSD writes it
import type { ImportAlgorithm } from '../../../storage/records.ts'
import type { FastAlgorithm } from '../fast-hash.ts'

export type SlowAlgorithm = Exclude<ImportAlgorithm, FastAlgorithm>

/** A slow hash with its parameters, taken apart. */
export type SlowHash =
  | { readonly algorithm: 'bcrypt'; readonly text: string }
  | {
      readonly algorithm: 'argon2id'
      /** KiB. */
      readonly memory: number
      readonly passes: number
      readonly parallelism: number
      readonly salt: Uint8Array
      readonly hash: Uint8Array
    }
  | {
      readonly algorithm: 'scrypt'
      readonly cost: number
      readonly blockSize: number
      readonly parallelization: number
      readonly salt: Uint8Array
      readonly hash: Uint8Array
    }

const BCRYPT_COST_MIN = 4
/** 2^14 rounds take about two seconds of a core in plain JavaScript. */
const BCRYPT_COST_MAX = 14
const MEMORY_KIB_MAX = 65_536
/** Memory times passes: half a second or so. */
const ARGON2_WORK_MAX = 5 * MEMORY_KIB_MAX
const PARALLELISM_MAX = 8
/** Of all lanes together. */
const SCRYPT_WORK_MAX = 2 * MEMORY_KIB_MAX

/** What a hash that another system has stored says; null for what is not accepted. Never throws. */
export function parseSlowHash(algorithm: SlowAlgorithm, text: string): SlowHash | null {
  if (algorithm === 'bcrypt') return parseBcrypt(text)
  return algorithm === 'argon2id' ? parseArgon2id(text) : parseScrypt(text)
}

/** Why a hash is not accepted, as the end of a sentence; null when it is. */
export function slowHashProblem(algorithm: SlowAlgorithm, text: string): string | null {
  if (parseSlowHash(algorithm, text) !== null) return null
  return {
    bcrypt: `must be a bcrypt hash, $2a$, $2b$ or $2y$, of a cost from ${BCRYPT_COST_MIN} to ${BCRYPT_COST_MAX}`,
    argon2id: `must be $argon2id$v=19$m=,t=,p=$salt$hash with at most ${MEMORY_KIB_MAX} KiB and little enough to compute`,
    scrypt: `must be $scrypt$ln=,r=,p=$salt$hash with at most ${MEMORY_KIB_MAX} KiB and little enough to compute`,
  }[algorithm]
}

function parseBcrypt(text: string): SlowHash | null {
  const cost = Number(/^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(text)?.[1] ?? 0)
  return cost >= BCRYPT_COST_MIN && cost <= BCRYPT_COST_MAX ? { algorithm: 'bcrypt', text } : null
}

function parseArgon2id(text: string): SlowHash | null {
  const parts = /^\$argon2id\$v=19\$m=(\d{1,5}),t=(\d{1,2}),p=(\d)\$([^$]{11,86})\$([^$]{22,86})$/.exec(text)
  const [memory = 0, passes = 0, parallelism = 0] = (parts ?? []).slice(1, 4).map(Number)
  const [salt, hash] = [bytesOf(parts?.[4]), bytesOf(parts?.[5])]
  if (salt === null || hash === null || salt.length < 8 || hash.length < 16) return null
  if (parallelism < 1 || parallelism > PARALLELISM_MAX || passes < 1 || memory < 8 * parallelism) return null
  if (memory > MEMORY_KIB_MAX || memory * passes > ARGON2_WORK_MAX) return null
  return { algorithm: 'argon2id', memory, passes, parallelism, salt, hash }
}

function parseScrypt(text: string): SlowHash | null {
  const parts = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d)\$([^$]{0,86})\$([^$]{22,86})$/.exec(text)
  const [ln = 0, blockSize = 0, parallelization = 0] = (parts ?? []).slice(1, 4).map(Number)
  const [salt, hash] = [bytesOf(parts?.[4]), bytesOf(parts?.[5])]
  if (salt === null || hash === null || hash.length < 16) return null
  if (ln < 1 || ln > 24 || blockSize < 1 || parallelization < 1) return null
  const cost = 2 ** ln
  const memory = (128 * cost * blockSize) / 1_024
  if (memory > MEMORY_KIB_MAX || memory * parallelization > SCRYPT_WORK_MAX) return null
  // RFC 7914 section 2: N is less than 2^(128 * r / 8).
  if (ln >= 16 * blockSize) return null
  return { algorithm: 'scrypt', cost, blockSize, parallelization, salt, hash }
}

/** Base64 without padding, in its one form; null for anything else. */
function bytesOf(text: string | undefined): Uint8Array | null {
  if (text === undefined || !/^[A-Za-z0-9+/]*$/.test(text)) return null
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64').replace(/=+$/, '') === text ? bytes : null
}
