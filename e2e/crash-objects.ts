/** What the API says of each kind of object, reduced to what a client can know beforehand. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Api, UnexpectedAnswer } from './api.ts'
import type { Entry, ObjectType, Observed } from './crash-ledger.ts'

const POLL_MS = 20

interface KeyAnswer {
  readonly version: number
  readonly state: string
  readonly name: string
  readonly permissions: readonly string[]
  readonly roles: readonly string[]
  readonly allowedAddresses: readonly string[]
  readonly expiresAt: number | null
  readonly destroyAt: number | null
  readonly imported: { readonly upgraded: boolean } | null
  readonly versions: readonly { readonly number: number; readonly acceptedUntil: number | null }[]
}

/** An environment's rules, by name. */
export type Policy = Readonly<Record<string, string | number | boolean | null>>

/** Any object; a member is there for the kinds that have it. */
export interface ObjectAnswer extends KeyAnswer {
  readonly id: string
  readonly projectId: string
  readonly phase: string
  readonly metadata: Readonly<Record<string, string>>
  readonly policy: Policy
}

interface Kind {
  /** Where it is read, with `{name}` for its parameters. */
  readonly path: string
  readonly observe: (answer: ObjectAnswer) => Observed
  /** Whether the server has nothing left to do with it by itself now. */
  readonly isSettled?: (answer: ObjectAnswer) => boolean
}

const KEY: Omit<Kind, 'path'> = {
  observe: (key) => {
    const now = Date.now()
    const accepted = key.versions.filter(({ acceptedUntil }) => acceptedUntil === null || acceptedUntil > now)
    return {
      // That the server upgrades an imported key after its first use is no change that a client can know of.
      version: key.version - (key.imported?.upgraded === true ? 1 : 0),
      state: key.state,
      name: key.name,
      permissions: key.permissions.join(),
      roles: key.roles.join(),
      addresses: key.allowedAddresses.join(),
      expiresAt: key.expiresAt ?? 0,
      destroys: key.destroyAt === null ? 'no' : 'later',
      newest: Math.max(0, ...key.versions.map(({ number }) => number)),
      open: key.versions.find(({ acceptedUntil }) => acceptedUntil === null)?.number ?? 0,
      accepted: accepted.map(({ number }) => number).join(),
    }
  },
  isSettled: ({ destroyAt }) => destroyAt === null || destroyAt > Date.now(),
}

const KINDS: Readonly<Record<ObjectType, Kind>> = {
  project: { path: '/v1/projects/{projectId}', observe: ({ version, name }) => ({ version, name }) },
  environment: {
    path: '/v1/projects/{projectId}/environments/{environment}',
    observe: ({ version, policy }) => ({ version, policy: policyText(policy) }),
  },
  owner: {
    path: '/v1/owners/{ownerId}',
    observe: ({ version, name, metadata }) => ({ version, name, metadata: JSON.stringify(metadata) }),
  },
  role: {
    path: '/v1/roles/{roleId}',
    observe: ({ version, state, permissions }) => ({ version, state, permissions: permissions.join() }),
  },
  api_key: { path: '/v1/keys/{keyId}', ...KEY },
  root_key: { path: '/v1/root-keys/{keyId}', ...KEY },
  import_source: {
    path: '/v1/import-sources/{sourceId}',
    observe: ({ version, name, projectId }) => ({ version, name, projectId }),
  },
  bulk_operation: {
    path: '/v1/bulk-operations/{bulkOperationId}',
    observe: ({ version, phase }) => ({ version, phase }),
    isSettled: ({ phase }) => isSettledPhase(phase),
  },
}

/** What a client can know beforehand of an object that is answered with. */
export function observe(type: ObjectType, answer: ObjectAnswer): Observed {
  return KINDS[type].observe(answer)
}

/** What the API says of an object once the server has done what is due; null when it does not know it. */
export async function lookUp(
  api: Api,
  settleMsMax: number,
  { type, parameters }: Pick<Entry, 'type' | 'parameters'>,
): Promise<Observed | null> {
  const { path, isSettled } = KINDS[type]
  const url = fillPath(path, parameters)
  for (const overdue = performance.now() + settleMsMax; ;) {
    const { status, text } = await api.send('GET', url)
    if (status === 404) return null
    if (status !== 200) throw new UnexpectedAnswer('GET', url, status, text)
    const answer = JSON.parse(text) as ObjectAnswer
    if (isSettled === undefined || isSettled(answer)) return observe(type, answer)
    if (performance.now() > overdue) throw new Error(`${url}: what is due has not been done: ${text}`)
    await pause(POLL_MS)
  }
}

/**
 * Waits until no bulk operation has work left, those included whose start was never answered, and returns the newest id.
 * @param after only operations after this id are looked at; null: all
 */
export async function settleBulkOperations(
  api: Api,
  settleMsMax: number,
  after: string | null,
): Promise<string | null> {
  let newest = after
  for (;;) {
    const cursor = newest === null ? '' : `&cursor=${newest}`
    const page = await api.json<{ items: { id: string; phase: string }[]; nextCursor: string | null }>(
      'GET',
      `/v1/bulk-operations?limit=200${cursor}`,
    )
    for (const { id, phase } of page.items) {
      newest = id
      const operation = { type: 'bulk_operation', parameters: { bulkOperationId: id } } as const
      if (!isSettledPhase(phase)) await lookUp(api, settleMsMax, operation)
    }
    if (page.nextCursor === null) return newest
  }
}

/** A path with its parameters in their places. */
export function fillPath(path: string, parameters: Readonly<Record<string, string>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => {
    const value = parameters[name]
    if (value === undefined) throw new Error(`nothing for ${name} of ${path}`)
    return value
  })
}

/** The same text for the same policy. */
export function policyText(policy: Policy): string {
  return JSON.stringify(Object.entries(policy).toSorted(([one], [other]) => one.localeCompare(other)))
}

/** Whether a bulk operation has nothing to do now. One that has failed is an error. */
export function isSettledPhase(phase: string): boolean {
  if (phase === 'failed') throw new Error('a bulk operation has failed')
  return phase === 'waiting' || phase === 'done' || phase === 'undone'
}
