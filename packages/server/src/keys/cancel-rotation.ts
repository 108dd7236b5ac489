import type { Authorized } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import type { ApiKey, KeyVersion } from '../storage/records.ts'
import { requireVisible } from './find.ts'
import { requireRunning } from './state.ts'

/**
 * Takes back a rotation within its overlap: the new version is ended at once (its holder is told EXPIRED), and the one
 * before it, which is still accepted, is the current one again. Numbers are never given twice. Errors: `key.not_found`,
 * `key.no_rotation`, `key.expired`, `key.illegal_transition`.
 */
export async function cancelRotation(
  domain: Domain,
  by: Authorized<'keys:rotate'>,
  id: string,
): Promise<ApiKey> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const key = requireVisible(await tx.key(id), 'issued', by)
    const now = domain.clock()
    requireRunning(key, now)
    const versions = takenBack(key.versions, now)
    if (versions === null) throw new DomainError('key.no_rotation')
    const next: ApiKey = { ...key, version: key.version + 1, versions }
    await tx.saveKey(key, next)
    tx.record({
      action: 'key.rotation_cancelled',
      projectId: key.projectId,
      environment: key.environment,
      details: { versionNumber: versions.find(isCurrent)?.number ?? 0 },
    })
    return next
  })
  return value
}

/** The versions without the rotation; null when none is in its overlap. */
function takenBack(versions: readonly KeyVersion[], now: number): readonly KeyVersion[] | null {
  const at = versions.findIndex(isCurrent)
  // A rotation that has begun without a successor (at is -1) is taken back as well: its version goes on.
  const previous = versions.slice(at + 1).find(({ acceptedUntil }) => (acceptedUntil ?? 0) > now)
  if (previous === undefined) return null
  return versions.map((version) => {
    if (version === previous) return { ...version, acceptedUntil: null }
    return isCurrent(version) ? { ...version, acceptedUntil: now } : version
  })
}

function isCurrent({ acceptedUntil }: KeyVersion): boolean {
  return acceptedUntil === null
}
