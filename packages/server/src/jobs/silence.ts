import { endOverlap, expireUnused, hasMovedOn, silenceSince } from '../keys/silence.ts'
import type { ApiKey, ProjectEnvironment } from '../storage/records.ts'
import { rollUpAllUses } from '../usage/roll-up.ts'
import { everyEnvironment } from './environments.ts'
import type { Job, JobContext } from './job.ts'

const KEYS_PER_PIECE = 200
/** Nobody needs a key to expire in the minute in which it may; each round reads every unused key once. */
const IDLE_EVERY_MS = 3_600_000

/** Ends keys that nobody used for as long as their environment allows. */
export const idleJob: Job = {
  name: 'idle',
  async run(context) {
    let more = false
    for await (const environment of everyEnvironment(context.domain)) {
      const { idleExpirySeconds } = environment.policy
      if (idleExpirySeconds !== null && (await expireIdle(context, environment, idleExpirySeconds)))
        more = true
    }
    return more
  },
}

async function expireIdle(
  { domain, log }: JobContext,
  environment: ProjectEnvironment,
  idleSeconds: number,
): Promise<boolean> {
  const now = domain.clock()
  const name = `idle:${environment.id}:${environment.version}`
  const cursor = await domain.store.reader.jobCursor(name)
  const isUnderWay = cursor !== null && cursor.after !== ''
  if (cursor !== null && !isUnderWay && now - cursor.at < IDLE_EVERY_MS) return false
  const since = await silenceSince(domain, idleSeconds * 1_000)
  if (since === null) {
    log('warn', 'silence.deferred', { job: 'idle', environment: environment.id })
    return saved(domain, name, { at: now, after: '' }, false)
  }
  await rollUpAllUses(domain, log)
  const span = { afterId: cursor?.after ?? '', since, now }
  const keys = await domain.store.reader.keysUnused(environment, span, KEYS_PER_PIECE)
  for (const { id } of keys) await expireUnused(domain, id, since)
  const more = keys.length === KEYS_PER_PIECE
  return saved(domain, name, { at: now, after: more ? (keys.at(-1)?.id ?? '') : '' }, more)
}

async function saved(
  domain: JobContext['domain'],
  name: string,
  cursor: { readonly at: number; readonly after: string },
  more: boolean,
): Promise<boolean> {
  await domain.store.saveCursor(name, cursor)
  return more
}

/** Ends overlaps whose earlier version was silent for as long as their environment says, and whose new one is in use. */
export const cutoverJob: Job = {
  name: 'cutover',
  async run({ domain, log }) {
    const silentMs = new Map<string, number>()
    for await (const { projectId, environment, policy } of everyEnvironment(domain)) {
      if (policy.cutoverSilentSeconds !== null)
        silentMs.set(`${projectId} ${environment}`, policy.cutoverSilentSeconds * 1_000)
    }
    if (silentMs.size === 0) return false
    const now = domain.clock()
    for (let afterId = ''; ;) {
      const keys = await domain.store.reader.keysInOverlap(now, afterId, KEYS_PER_PIECE)
      for (const key of keys) {
        const silent = silentMs.get(`${key.projectId ?? ''} ${key.environment ?? ''}`)
        if (silent !== undefined) await cutOver({ domain, log }, key, silent)
      }
      const last = keys.at(-1)
      if (last === undefined || keys.length < KEYS_PER_PIECE) return false
      afterId = last.id
    }
  },
}

async function cutOver({ domain, log }: JobContext, key: ApiKey, silentMs: number): Promise<void> {
  const uses = async () => domain.store.reader.uses([key.id])
  if (!hasMovedOn(key, await uses(), domain.clock() - silentMs)) return
  const since = await silenceSince(domain, silentMs)
  if (since === null) return log('warn', 'silence.deferred', { job: 'cutover', key: key.id })
  await rollUpAllUses(domain, log)
  if (hasMovedOn(key, await uses(), since)) await endOverlap(domain, key.id)
}
