import { VERSIONS_HELD_MAX } from '@keystead/protocol/decision'
import { type ApiKey, currentVersion } from '../storage/records.ts'

/** The key with an end to its current version, never later than its own; null when it has none without one. */
export function withCurrentEnd(key: ApiKey, acceptedUntil: number): ApiKey | null {
  const current = currentVersion(key)
  if (current === undefined || current.acceptedUntil !== null) return null
  return withVersionEnd(key, current.number, Math.min(acceptedUntil, key.expiresAt ?? acceptedUntil))
}

/**
 * From when on the next version finds room among those that are held: `now`, or the end of the first of a full set of
 * accepted ones. Whoever gives the current version an end must look: before that moment its holder cannot make the next.
 */
export function roomAt(key: ApiKey, now: number): number {
  const ends = key.versions.map(({ acceptedUntil }) => acceptedUntil ?? Number.POSITIVE_INFINITY)
  const accepted = ends.filter((end) => end > now)
  return accepted.length < VERSIONS_HELD_MAX ? now : Math.min(...accepted)
}

/** The next version of the record, in which this version of the key is accepted until then; null: without an end. */
export function withVersionEnd(key: ApiKey, number: number, acceptedUntil: number | null): ApiKey {
  const versions = key.versions.map((version) =>
    version.number === number ? { ...version, acceptedUntil } : version,
  )
  return { ...key, version: key.version + 1, versions }
}
