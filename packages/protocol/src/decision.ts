/**
 * The verification decision: one pure function that the server, the gateway endpoint and the verifier inside a
 * customer's process share. Order: parse, locator, secret (constant time), environment, state and time, address,
 * permission.
 *
 * Until the secret has been proven every failure is the same NOT_FOUND after the same work, so that nobody learns
 * which locators, environments or states exist (T-03).
 */
import { type Address, type AddressRange, isInRanges } from './address.ts'
import { type Environment, type KeyKind, keyDigestInput, parseApiKey } from './api-key.ts'
import { equalInConstantTime } from './constant-time.ts'
import type { KeyState } from './lifecycle.ts'
import type { Grants } from './permission.ts'
import { type PermissionQuery, satisfies } from './permission-query.ts'

export const VERIFICATION_CODES = [
  'VALID',
  'NOT_FOUND',
  'EXPIRED',
  'NOT_YET_ACTIVE',
  'SUSPENDED',
  'REVOKED',
  'ADDRESS_NOT_ALLOWED',
  'INSUFFICIENT_PERMISSIONS',
] as const
export type VerificationCode = (typeof VERIFICATION_CODES)[number]

/** What a verifier holds of one key: decision fields only, nothing that could make or widen a key. */
export interface KeyRecord {
  readonly keyId: string
  readonly kind: KeyKind
  /** Null only for a root key that is bound to no project or environment. */
  readonly projectId: string | null
  readonly environment: Environment | null
  readonly ownerId: string | null
  /** What a service wants to know of the owner; null for a root key. */
  readonly owner: OwnerFacts | null
  readonly state: KeyState
  readonly revocationReason: string | null
  /** Epoch milliseconds, or null. Accepted from `notBefore` on and before `expiresAt`. */
  readonly notBefore: number | null
  readonly expiresAt: number | null
  readonly policy: KeyPolicy
  /** Newest first, at most VERSIONS_HELD_MAX. */
  readonly versions: readonly VersionRecord[]
}

/** What a key may do and from where; many keys share one. */
export interface KeyPolicy {
  /** Its own permissions and those of its roles; a deny in either wins over all. */
  readonly grants: Grants
  /** Client addresses that are accepted; empty: any. */
  readonly addresses: readonly AddressRange[]
}

export interface OwnerFacts {
  readonly externalId: string
  /** `{"externalId": text, "metadata": {name: text}}` as JSON, ready to be answered; never read by a decision. */
  readonly json: string
}

export interface VersionRecord {
  readonly number: number
  /** base64url of SHA-256 over keyDigestInput: 43 characters. */
  readonly digest: string
  /** Epoch milliseconds at which a rotated version stops being accepted; null while it is the current one. */
  readonly acceptedUntil: number | null
}

export interface Question {
  readonly text: string
  /** Kinds that may answer: an API key never passes for a root key, nor the other way round. */
  readonly kind: KeyKind
  /** Where the caller may ask, from the caller's own credential; null: any project or environment. */
  readonly projectId: string | null
  readonly environment: Environment | null
  /** What the key must be allowed (parsePermissionQuery); null asks for nothing. */
  readonly permission: PermissionQuery | null
  /** Where the client calls from, as the asking service knows it; null where it does not. */
  readonly address: Address | null
  /** Epoch milliseconds. */
  readonly now: number
}

export interface Decision {
  readonly code: VerificationCode
  /** Why, in a stable word: a revocation reason, `rotated`, `expired`; null where the code says all. */
  readonly reason: string | null
  /** Null exactly when the code is NOT_FOUND: nothing is told before the secret is proven. */
  readonly record: KeyRecord | null
  readonly version: number | null
}

/**
 * Versions of one key that a verifier holds: the current one, those in overlap, and the latest retired ones, whose
 * holders are told EXPIRED instead of NOT_FOUND. Every decision compares this many digests, whatever the key has.
 */
export const VERSIONS_HELD_MAX = 4

/**
 * In the place of a digest: no text has it. Written out: a text that `repeat` makes is a rope, which is slower to read
 * than the digests that are held.
 */
export const UNPROVABLE_DIGEST = '*******************************************'

/**
 * Decides on one presented key text. `lookup` finds a record by locator without I/O; `hashText` is the base64url
 * SHA-256 of a text. Never throws on any text. Limits are not checked here.
 */
export function decide(
  question: Question,
  lookup: (locator: string) => KeyRecord | undefined,
  hashText: (text: string) => string,
): Decision {
  const parts = parseApiKey(question.text)
  if (parts === null) return NOT_FOUND
  const record = lookup(parts.locator)
  const version = provenVersion(record, hashText(keyDigestInput(parts.locator, parts.secret)))
  if (record === undefined || version === null || !isInPlace(record, question)) return NOT_FOUND
  if (parts.kind !== question.kind) return NOT_FOUND
  if (record.environment !== null && parts.environment !== record.environment) return NOT_FOUND
  return judge(record, version, question)
}

/**
 * As decide, for a text that is not of our own format: `record` was found by `digest`, which a presented text is proven
 * by as a version's digest is. For keys that were imported from another system.
 */
export function decideFound(question: Question, record: KeyRecord | undefined, digest: string): Decision {
  const version = provenVersion(record, digest)
  if (record === undefined || version === null || !isInPlace(record, question)) return NOT_FOUND
  return judge(record, version, question)
}

function isInPlace(record: KeyRecord, { kind, projectId, environment }: Question): boolean {
  if (record.kind !== kind) return false
  if (projectId !== null && record.projectId !== projectId) return false
  return environment === null || record.environment === environment
}

/** As decide, for a version of a key that has been proven by other means: a slow hash of another system. */
export function decideProven(question: Question, record: KeyRecord, version: VersionRecord): Decision {
  return isInPlace(record, question) ? judge(record, version, question) : NOT_FOUND
}

function judge(record: KeyRecord, version: VersionRecord, question: Question): Decision {
  const answer = (code: VerificationCode, reason: string | null): Decision => ({
    code,
    reason,
    record,
    version: version.number,
  })
  const { now } = question
  if (record.state === 'destroyed') return NOT_FOUND
  if (record.state === 'deactivated' || record.state === 'compromised') {
    return answer('REVOKED', record.revocationReason)
  }
  if (record.expiresAt !== null && now >= record.expiresAt) return answer('EXPIRED', 'expired')
  if (version.acceptedUntil !== null && now >= version.acceptedUntil) return answer('EXPIRED', 'rotated')
  if (record.state === 'suspended') return answer('SUSPENDED', null)
  if (record.notBefore !== null && now < record.notBefore) return answer('NOT_YET_ACTIVE', null)
  const { addresses, grants } = record.policy
  // An address that is not known is none of those that are allowed.
  if (addresses.length > 0 && (question.address === null || !isInRanges(addresses, question.address))) {
    return answer('ADDRESS_NOT_ALLOWED', null)
  }
  if (question.permission !== null && !satisfies(grants, question.permission)) {
    return answer('INSUFFICIENT_PERMISSIONS', null)
  }
  return answer('VALID', null)
}

/** Compares against VERSIONS_HELD_MAX digests in every case, so that time tells neither existence nor count (T-03). */
function provenVersion(record: KeyRecord | undefined, digest: string): VersionRecord | null {
  let proven: VersionRecord | null = null
  for (let i = 0; i < VERSIONS_HELD_MAX; i++) {
    const version = record?.versions[i]
    if (equalInConstantTime(version?.digest ?? UNPROVABLE_DIGEST, digest) && version !== undefined)
      proven = version
  }
  return proven
}

export const NOT_FOUND: Decision = { code: 'NOT_FOUND', reason: null, record: null, version: null }
