// Acting on silence (T-29): conclusions from what was not seen, drawn only when everything was looked at.
import { SERVER } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { type ApiKey, currentVersion, type KeyUse, overlapUntil } from '../storage/records.ts'
import { USES_TOLD_MS_MAX, usesToldAt } from '../usage/told.ts'
import { requireRunning } from './state.ts'

/** Processes that are looked back at; a server that started more often than that within a window is not well. */
const EMITTERS_MAX = 1_000

/**
 * Since when, for a time of this length until what every process has told, use was accounted for without a gap; null when
 * there is one in it. A process that has not told for USES_TOLD_MS_MAX is taken for dead, and it may have lost the uses
 * of that time; one that has dropped some has a gap for as long as it runs. Whoever concludes something must have all
 * that waits added up after this.
 */
export async function silenceSince(domain: Domain, lengthMs: number): Promise<number | null> {
  const { clock, store } = domain
  const now = clock()
  const emitters = await store.reader.useEmittersUntil(now, EMITTERS_MAX)
  const told = await Promise.all(
    emitters.map(async (emitter) => ({ emitter, toldAt: await usesToldAt(store.reader, emitter) })),
  )
  const isRunning = ({ emitter, toldAt }: (typeof told)[number]): boolean =>
    emitter.closedAt === null && now - toldAt <= USES_TOLD_MS_MAX
  const until = Math.min(now, ...told.filter(isRunning).map(({ toldAt }) => toldAt))
  const since = until - lengthMs
  const isWhole = told.every((each) => {
    const { closedAt, dropped } = each.emitter
    const endedAt = isRunning(each) ? now : (closedAt ?? each.toldAt + USES_TOLD_MS_MAX)
    return endedAt < since || (dropped === 0 && (closedAt !== null || isRunning(each)))
  })
  return isWhole ? since : null
}

/** Ends a key that nobody used for as long as its environment allows. Null when it was used, changed or ended meanwhile. */
export async function expireUnused(domain: Domain, id: string, since: number): Promise<ApiKey | null> {
  const uses = await domain.store.reader.uses([id as ApiKey['id']])
  if (uses.some(({ lastAt }) => lastAt > since)) return null
  const { value } = await domain.store.transact(SERVER, async (tx) => {
    const key = await tx.key(id)
    const now = domain.clock()
    if (key === null || key.createdAt > since || (key.expiresAt !== null && key.expiresAt <= now)) return null
    if (!['pre-active', 'active', 'suspended'].includes(key.state)) return null
    const next: ApiKey = { ...key, version: key.version + 1, expiresAt: now }
    await tx.saveKey(key, next)
    tx.record({
      action: 'key.expired_idle',
      projectId: key.projectId,
      environment: key.environment,
      details: { unusedSince: since },
    })
    return next
  })
  return value
}

/** Ends the overlap of a key. Null when the key is out of use or has no overlap any more. */
export async function endOverlap(domain: Domain, id: string): Promise<ApiKey | null> {
  const { value } = await domain.store.transact(SERVER, async (tx) => {
    const key = await tx.key(id)
    const now = domain.clock()
    if (key === null || !isInOverlap(key, now)) return null
    requireRunning(key, now)
    const versions = key.versions.map((version) =>
      (version.acceptedUntil ?? 0) > now ? { ...version, acceptedUntil: now } : version,
    )
    const next: ApiKey = { ...key, version: key.version + 1, versions }
    await tx.saveKey(key, next)
    tx.record({
      action: 'key.cutover',
      projectId: key.projectId,
      environment: key.environment,
      details: { versionNumber: currentVersion(next)?.number ?? 0 },
    })
    return next
  })
  return value
}

/** Whether the new version of a rotating key is in use and the earlier ones have been silent since `since`. */
export function hasMovedOn(key: ApiKey, uses: readonly KeyUse[], since: number): boolean {
  const current = currentVersion(key)
  if (current === undefined || current.createdAt > since) return false
  const isUsed = ({ versionNumber, code }: KeyUse): boolean =>
    versionNumber === current.number && code === 'VALID'
  const isOldUse = ({ versionNumber, lastAt }: KeyUse): boolean =>
    versionNumber !== current.number && lastAt > since
  return uses.some(isUsed) && !uses.some(isOldUse)
}

/** Only a version that has a successor may end early: a rotation that has begun without one keeps its full time. */
function isInOverlap(key: ApiKey, now: number): boolean {
  const until = overlapUntil(key)
  return currentVersion(key)?.acceptedUntil === null && until !== null && until > now
}
