import type { Environment, KeyKind } from '@keystead/protocol/api-key'
import type { KeyState, RevocationReason, TargetType } from '@keystead/protocol/lifecycle'
import type { VerificationCode } from '@keystead/protocol/decision'
import type {
  BootId,
  BulkChunkId,
  BulkOperationId,
  EnvironmentId,
  ImportSourceId,
  InstallationId,
  KeyId,
  OwnerId,
  ProjectId,
  RoleId,
} from '../ids.ts'

/** What every stored object has: `version` is 1 at creation and one more with each change. Times: epoch milliseconds. */
interface Stored<Id> {
  readonly id: Id
  readonly version: number
  readonly createdAt: number
}

/** One row: who this installation is, and that it was made by somebody who could open the keystore. */
export interface Installation extends Stored<InstallationId> {
  /** 1, and one more each time an operator accepts a database that is behind what was signed. */
  readonly epoch: number
}

/** A tenant: the unit of ownership and isolation. */
export interface Project extends Stored<ProjectId> {
  readonly name: string
}

/** One of a project's three; keys never cross it. */
export interface ProjectEnvironment extends Stored<EnvironmentId> {
  readonly projectId: ProjectId
  readonly environment: Environment
  readonly policy: EnvironmentPolicy
}

/** How long keys of an environment may live and lie idle. Lengths of time in seconds; null: without bound. */
export interface EnvironmentPolicy {
  /** A version older than this is due for rotation. */
  readonly maximumAgeSeconds: number | null
  /** What happens then: people are told, or the version gets an end. People are told beforehand in either case. */
  readonly rotation: 'warn' | 'automatic'
  /** How long a version that is rotated by policy or by its holder stays accepted. */
  readonly overlapSeconds: number
  /** An overlap is ended when the earlier version was silent for this long and the new one is in use. */
  readonly cutoverSilentSeconds: number | null
  /** A key that was not used for this long expires. */
  readonly idleExpirySeconds: number | null
  /** Whether the holder of a key may rotate it by presenting it. */
  readonly selfRotation: boolean
}

/** 90 days is the long end of what the field rotates API keys at; the rest is off until somebody wants it. */
export const DEFAULT_POLICY: EnvironmentPolicy = {
  maximumAgeSeconds: 90 * 86_400,
  rotation: 'warn',
  overlapSeconds: 7 * 86_400,
  cutoverSilentSeconds: null,
  idleExpirySeconds: null,
  selfRotation: false,
}

/** The customer or internal party that an API key belongs to. */
export interface Owner extends Stored<OwnerId> {
  readonly projectId: ProjectId
  /** The service's own name for it, unique in the project. */
  readonly externalId: string
  readonly name: string
  /** The service's own notes, given back with each verification of the owner's keys. */
  readonly metadata: Readonly<Record<string, string>>
}

/** A named set of permissions of a project; a key that has the role has them, as they are now. */
export interface Role extends Stored<RoleId> {
  readonly projectId: ProjectId
  /** Unique in the project, for ever. */
  readonly name: string
  readonly description: string
  readonly permissions: readonly string[]
  /** Deactivated: it grants and denies nothing any more. */
  readonly state: 'active' | 'deactivated'
}

/** How other systems keep their keys. The last three are slow on purpose. */
export const IMPORT_ALGORITHMS = ['sha256', 'sha512', 'hmac-sha256', 'bcrypt', 'argon2id', 'scrypt'] as const
export type ImportAlgorithm = (typeof IMPORT_ALGORITHMS)[number]

/** Where the part of a foreign text ends that says which key it is: before the nth separator, or after so many characters. */
export type LookupRule =
  | { readonly separator: string; readonly occurrence: number }
  | { readonly length: number }

/** How another system kept the keys of an environment. */
export interface ImportSource extends Stored<ImportSourceId> {
  readonly projectId: ProjectId
  readonly environment: Environment
  /** Unique in the environment. */
  readonly name: string
  readonly algorithm: ImportAlgorithm
  /** Null: a text is found by its hash alone. Never null for a slow algorithm. */
  readonly lookup: LookupRule | null
  /** What was hashed: the whole text, or what comes after the look-up part and its separator. */
  readonly hashes: 'text' | 'rest'
  /** The HMAC key, encrypted (Cipher.encrypt); null for every other algorithm. */
  readonly secret: string | null
}

/** Where an imported key comes from. Its first version is the foreign one. */
export interface Imported {
  readonly sourceId: ImportSourceId
  /** What a presented text leads to it by, as long as it was not upgraded; the same import has the same one, for ever. */
  readonly ref: string
  /** The slow hash, encrypted (Cipher.encrypt); null for a fast one, and once upgraded. */
  readonly hash: string | null
  /** The version of the record in which its first version got a digest of ours; null before. Nobody did that to the key. */
  readonly upgradedIn: number | null
}

/** One secret of a key. The secret itself is kept nowhere. */
export interface KeyVersion {
  readonly number: number
  /**
   * 43 characters: base64url SHA-256 of keyDigestInput; for an imported one a digest of keys/import/digests.ts, or
   * UNPROVABLE_DIGEST while only a slow hash is known.
   */
  readonly digest: string
  readonly createdAt: number
  /** When a rotated version stops being accepted; null for the current one. */
  readonly acceptedUntil: number | null
}

/** An issued key: an API key of an owner, or a root key (kind `root`, no owner). */
export interface ApiKey extends Stored<KeyId> {
  readonly kind: KeyKind
  /** Null only for a root key that is bound to no project. */
  readonly projectId: ProjectId | null
  /** Null only for a root key that is bound to no environment. */
  readonly environment: Environment | null
  readonly ownerId: OwnerId | null
  readonly brand: string
  readonly locator: string
  readonly name: string
  readonly permissions: readonly string[]
  readonly roles: readonly RoleId[]
  /** Client addresses that are accepted (formatAddressRange); none: any. */
  readonly allowedAddresses: readonly string[]
  readonly state: KeyState
  readonly notBefore: number | null
  readonly expiresAt: number | null
  readonly revokedAt: number | null
  readonly revocationReason: string | null
  /** Newest first, at most VERSIONS_HELD_MAX; what came before is in the audit log. None once it is destroyed. */
  readonly versions: readonly KeyVersion[]
  /** When what the key holds will be erased, or null. */
  readonly destroyAt: number | null
  /** Null: issued here. */
  readonly imported: Imported | null
}

/** Until when a version other than the current one is accepted; null when none is, as of the last change. */
export function overlapUntil(key: Pick<ApiKey, 'versions'>): number | null {
  const current = currentVersion(key)
  const ends = key.versions.flatMap((version) =>
    version === current || version.acceptedUntil === null ? [] : [version.acceptedUntil],
  )
  return ends.length === 0 ? null : Math.max(...ends)
}

/** The version that has no successor; the newest where a rotation has begun; undefined for a destroyed key. */
export function currentVersion({ versions }: Pick<ApiKey, 'versions'>): KeyVersion | undefined {
  return versions.find(({ acceptedUntil }) => acceptedUntil === null) ?? versions[0]
}

/** What a bulk operation does to each key that its query names. */
export const BULK_ACTIONS = ['suspend', 'revoke', 'rotate', 'update'] as const
export type BulkAction = (typeof BULK_ACTIONS)[number]

/**
 * How far a bulk operation has come: `running` goes through the keys; `waiting` can still be undone; `concluding`
 * revokes what it had suspended; `undoing` puts back. The last three are ends.
 */
export const BULK_PHASES = [
  'running',
  'waiting',
  'concluding',
  'undoing',
  'done',
  'undone',
  'failed',
] as const
export type BulkPhase = (typeof BULK_PHASES)[number]

/** Which API keys of one project: those that meet every criterion that is given. Times: epoch milliseconds. */
export interface BulkQuery {
  readonly ownerIds?: readonly string[]
  /** The state as people see it, judged at the operation's `asOf`. */
  readonly state?: KeyState | 'expired'
  /** Keys that are allowed this, by their own permissions and their roles. */
  readonly permission?: string
  readonly roleId?: string
  readonly createdAfter?: number
  readonly createdBefore?: number
  /** Made before this time, and not accepted once since. */
  readonly unusedSince?: number
  readonly namePrefix?: string
  /** Keys whose current version was made before this time. */
  readonly rotatedBefore?: number
  readonly keyIds?: readonly string[]
  /** Keys whose secret this caller has seen, by the log: it created or rotated them. */
  readonly touchedBy?: string
  /** Every key of the project and environment: said, not assumed. */
  readonly all?: true
}

/** What becomes of the keys; which members an action takes is for keys/bulk/change.ts. */
export interface BulkParameters {
  readonly reason?: RevocationReason
  readonly overlapSeconds?: number
  readonly permissionsAdd?: readonly string[]
  readonly permissionsRemove?: readonly string[]
  /** Epoch milliseconds; null: never. */
  readonly expiresAt?: number | null
}

/** A change of all keys that a query names, done chunk by chunk and resumable after each. */
export interface BulkOperation extends Stored<BulkOperationId> {
  readonly projectId: ProjectId
  /** Null: every environment of the project. */
  readonly environment: Environment | null
  readonly action: BulkAction
  readonly query: BulkQuery
  readonly parameters: BulkParameters
  /** The root key that asked for it. */
  readonly requestedBy: string | null
  readonly phase: BulkPhase
  /** Only keys made until then are meant, and states are judged then. */
  readonly asOf: number
  /** Only this much of the log counts for `touchedBy`. */
  readonly logSize: number
  /** How many keys the query named at the start; never more are gone through. */
  readonly total: number
  /** Keys that the operation has taken so far, and those that it could not. */
  readonly changed: number
  readonly skipped: number
  /** While concluding or undoing: keys settled so far, and those left as somebody else has made them since. */
  readonly settled: number
  readonly kept: number
  /** How many chunks there are. */
  readonly chunks: number
  /** Where it goes on: after this key while running, after this chunk afterwards; null at the beginning. */
  readonly position: string | null
  /** Null: it cannot be undone. */
  readonly undoUntil: number | null
}

/** What one transaction of a bulk operation took: written once, read to conclude or to undo. */
export interface BulkChunk extends Stored<BulkChunkId> {
  readonly operationId: BulkOperationId
  /** From 1. */
  readonly number: number
  readonly items: readonly BulkItem[]
}

export interface BulkItem {
  readonly keyId: KeyId
  /** The key's version when the operation had taken it: with any other, somebody has touched it since (isTouched). */
  readonly version: number
  /** False for a key that needed no change yet, such as a suspended one that is to be revoked. */
  readonly changed: boolean
  /** What an update replaced, or the version whose end a rotation set; null for other actions. */
  readonly before:
    | { readonly permissions: readonly string[]; readonly expiresAt: number | null }
    | { readonly versionNumber: number }
    | null
}

/** What one run of a server process has told about the use of keys so far: one row per boot. */
export interface UseEmitter extends Stored<BootId> {
  /** The name of the process in the log. */
  readonly node: string
  /** Deactivated: it was stopped in order, and nothing comes after. */
  readonly state: 'active' | 'deactivated'
  readonly lastFlushAt: number | null
  readonly closedAt: number | null
  /** Batches, and records in them, that were stored; uses that had no room and are in no record. */
  readonly batches: number
  readonly records: number
  readonly dropped: number
}

/** The records of one batch, as the leaf that names it was made of them. */
export interface UseSegment {
  readonly boot: BootId
  readonly batchNumber: number
  /** Of the first and the last record. */
  readonly from: number
  readonly to: number
  readonly count: number
  /** Uses since the segment before that had no room. */
  readonly dropped: number
  /** Records of USE_RECORD_BYTES each (protocol/src/use-record.ts). */
  readonly bytes: Uint8Array
}

/** Segments that are being added up together, and how many of their sums have been. */
export interface UseRollUp {
  readonly segments: readonly Pick<UseSegment, 'boot' | 'batchNumber'>[]
  readonly done: number
}

export const USE_PERIODS = ['minute', 'hour', 'day'] as const
export type UsePeriod = (typeof USE_PERIODS)[number]

/** How often a key, an owner's keys or a project's keys were answered with one code in one period. Not decisive. */
export interface UseCount {
  /** The id of a key, owner or project, or UNKNOWN_KEY. */
  readonly subject: string
  readonly environment: Environment | null
  readonly period: UsePeriod
  /** When the period begins: a multiple of its length in UTC. */
  readonly startAt: number
  readonly code: VerificationCode
  readonly count: number
}

/** The subject of counts of presented texts that proved no key. */
export const UNKNOWN_KEY = '-'

/** How often one version of a key was answered with one code, and when last. Not decisive: nothing is granted by it. */
export interface KeyUse {
  readonly keyId: string
  readonly versionNumber: number
  readonly code: string
  readonly count: number
  readonly lastAt: number
}

/** From where one version of a key was used, while another one was accepted as well. */
export interface AddressUse {
  readonly keyId: string
  readonly versionNumber: number
  readonly address: string
  readonly count: number
  readonly lastAt: number
}

/** Where a job goes on: what a moment and an id mean is the job's own matter. */
export interface JobCursor {
  readonly at: number
  readonly after: string
}

/** One leaf as stored: `bytes` are the canonical leaf, never re-serialised. */
export interface AuditEntry {
  readonly position: number
  readonly bytes: Uint8Array
  readonly leafHash: Uint8Array
}

export interface SignedCheckpoint {
  readonly size: number
  /** The C2SP signed note. */
  readonly note: string
}

/** One page: `nextCursor` is null at the end, otherwise the id (or position) to go on after. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly nextCursor: string | null
}

/** A day: nobody repeats a request longer than that, and its key may mean something else then. */
export const DONE_REQUESTS_KEPT_MS = 86_400_000

/** A change that was asked for with an Idempotency-Key and is done. */
export interface DoneRequest extends RequestMark {
  /** What it changed; what it made is among it. */
  readonly targets: readonly { readonly type: TargetType; readonly id: string }[]
}

/** By what a request is known again. */
export interface RequestMark {
  /** MAC of who asked and of the Idempotency-Key: 43 characters of base64url. */
  readonly id: string
  /** MAC of what was asked, as long. */
  readonly content: string
  readonly at: number
}
