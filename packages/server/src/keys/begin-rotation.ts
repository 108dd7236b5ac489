import { SERVER } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { type ApiKey, currentVersion } from '../storage/records.ts'
import { roomAt, withCurrentEnd } from './rotation-end.ts'
import { visibleState } from './state.ts'

/**
 * Gives the current version of a key an end, `overlapSeconds` after the next one finds room, so that its holder or an
 * operator makes it before that: the server cannot hand out a secret that nobody asked for, and stores none
 * (docs/decisions/0021). Null when there is nothing to begin: the key is out of use, or its current version has an end already.
 */
export async function beginRotation(
  domain: Domain,
  id: string,
  overlapSeconds: number,
): Promise<ApiKey | null> {
  const { value } = await domain.store.transact(SERVER, async (tx) => {
    const key = await tx.key(id)
    const now = domain.clock()
    if (key === null || !isInUse(key, now)) return null
    const begun = withCurrentEnd(key, roomAt(key, now) + overlapSeconds * 1_000)
    if (begun === null) return null
    await tx.saveKey(key, begun)
    tx.record({
      action: 'key.rotation_begun',
      projectId: key.projectId,
      environment: key.environment,
      reason: 'scheduled',
      details: { acceptedUntil: currentVersion(begun)?.acceptedUntil ?? null },
    })
    return begun
  })
  return value
}

function isInUse(key: ApiKey, now: number): boolean {
  return ['pre-active', 'active', 'suspended'].includes(visibleState(key, now))
}
