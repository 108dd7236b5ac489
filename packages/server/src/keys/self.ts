import type { Authorized } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import { OVERLAP_SECONDS_MAX, type Rotated, rotateKey } from './rotate.ts'

/**
 * A new version for whoever presents the newest one, where the environment lets holders rotate; the presented version
 * stays accepted for the environment's overlap. `key.self_rotation_denied` where it does not, or for an older version:
 * whoever holds that may have found it. Other errors as rotateKey.
 */
export async function rotateOwnKey(
  domain: Domain,
  by: Authorized<'keys:rotate'>,
  id: string,
  versionNumber: number,
): Promise<Rotated> {
  const { projectId, environment } = by.reach
  const held =
    projectId === null || environment === null
      ? null
      : await domain.store.reader.environment(projectId, environment)
  if (held?.policy.selfRotation !== true) throw new DomainError('key.self_rotation_denied')
  const overlapSeconds = Math.min(held.policy.overlapSeconds, OVERLAP_SECONDS_MAX)
  return rotateKey(domain, by, 'issued', id, { overlapSeconds, reason: 'scheduled', from: versionNumber })
}
