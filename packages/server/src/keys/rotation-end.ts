import { type ApiKey, currentVersion } from '../storage/records.ts'

/** The key with an end to its current version, never later than its own; null when it has none without one. */
export function withCurrentEnd(key: ApiKey, acceptedUntil: number): ApiKey | null {
  const current = currentVersion(key)
  if (current === undefined || current.acceptedUntil !== null) return null
  return withVersionEnd(key, current.number, Math.min(acceptedUntil, key.expiresAt ?? acceptedUntil))
}

/** The next version of the record, in which this version of the key is accepted until then; null: without an end. */
export function withVersionEnd(key: ApiKey, number: number, acceptedUntil: number | null): ApiKey {
  const versions = key.versions.map((version) =>
    version.number === number ? { ...version, acceptedUntil } : version,
  )
  return { ...key, version: key.version + 1, versions }
}
