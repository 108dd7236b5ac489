import { VERSIONS_HELD_MAX } from '@keystead/protocol/decision'
import type { Authorized } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import { type ApiKey, currentVersion, type KeyVersion } from '../storage/records.ts'
import { type KeyClass, requireNoEscalation, requireVisible } from './find.ts'
import type { Issued } from './issue.ts'
import { mint } from './mint.ts'
import { requireRunning } from './state.ts'

/** Why a key gets a new version: on schedule, when a person leaves, on suspicion. */
export const ROTATION_REASONS = [
  'unspecified',
  'scheduled',
  'personnelChange',
  'suspectedCompromise',
] as const
export type RotationReason = (typeof ROTATION_REASONS)[number]

/** 30 days: an overlap is for rolling out a new secret, not for living with two. */
export const OVERLAP_SECONDS_MAX = 30 * 86_400
export const OVERLAP_SECONDS_DEFAULT = 86_400

export interface Rotation {
  /** Seconds for which the version in use until now stays accepted; 0 ends every earlier version at once. */
  readonly overlapSeconds: number
  readonly reason: RotationReason
  /** The number that the current version must have: of the version that the holder has presented. */
  readonly from?: number
}

export interface Rotated extends Issued {
  /** Epoch milliseconds: the end of the overlap. */
  readonly previousAcceptedUntil: number
}

/**
 * Gives the key a new version and keeps its id, permissions, owner and expiry. No version is ever accepted longer than
 * it would have been: an overlap shortens a life, it never extends one. Errors: `key.not_found`, `key.expired`,
 * `key.illegal_transition`, `key.too_many_versions`, `access.escalation`.
 */
export async function rotateKey(
  domain: Domain,
  by: Authorized<'keys:rotate'> | Authorized<'root-keys:rotate'>,
  keyClass: KeyClass,
  id: string,
  rotation: Rotation,
): Promise<Rotated> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const key = requireVisible(await tx.key(id), keyClass, by)
    const now = domain.clock()
    requireRunning(key, now)
    requireNoEscalation(key, by)
    if (rotation.from !== undefined && currentVersion(key)?.number !== rotation.from)
      throw new DomainError('key.self_rotation_denied')
    const minted = mint(key, domain.random)
    const acceptedUntil = now + rotation.overlapSeconds * 1_000
    const earlier = key.versions.map((version) => retire(version, acceptedUntil, rotation, key, now))
    const next: ApiKey = {
      ...key,
      version: key.version + 1,
      versions: withNewest(earlier, minted.digest, now),
    }
    await tx.saveKey(key, next)
    const at = key.versions.findIndex(({ acceptedUntil: until }) => until === null)
    const previousAcceptedUntil = earlier[Math.max(0, at)]?.acceptedUntil ?? now
    tx.record({
      action: keyClass === 'root' ? 'root_key.rotated' : 'key.rotated',
      projectId: key.projectId,
      environment: key.environment,
      reason: rotation.reason,
      details: { versionNumber: next.versions[0]?.number ?? 0, previousAcceptedUntil },
    })
    return { key: next, secret: minted.text, previousAcceptedUntil }
  })
  return value
}

/** A version that the new one succeeds: accepted until the overlap ends, but never longer than before. */
function retire(
  version: KeyVersion,
  acceptedUntil: number,
  rotation: Rotation,
  key: ApiKey,
  now: number,
): KeyVersion {
  const until = version.acceptedUntil ?? acceptedUntil
  const bounded = Math.min(until, key.expiresAt ?? until)
  return { ...version, acceptedUntil: rotation.overlapSeconds === 0 ? Math.min(bounded, now) : bounded }
}

function withNewest(earlier: readonly KeyVersion[], digest: string, now: number): readonly KeyVersion[] {
  const accepted = earlier.filter((version) => (version.acceptedUntil ?? now) > now)
  if (accepted.length >= VERSIONS_HELD_MAX) throw new DomainError('key.too_many_versions')
  const newest: KeyVersion = {
    number: (earlier[0]?.number ?? 0) + 1,
    digest,
    createdAt: now,
    acceptedUntil: null,
  }
  // The newest come first, and those still accepted are never pushed out by retired ones.
  const kept = [...accepted, ...earlier.filter((version) => !accepted.includes(version))]
  return [newest, ...kept.slice(0, VERSIONS_HELD_MAX - 1).sort((a, b) => b.number - a.number)]
}
