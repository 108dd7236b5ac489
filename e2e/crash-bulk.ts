/** Bulk operations on a client's own keys, and their undo. */
import {
  ACCEPTED_MAX,
  acceptedOf,
  type Alteration,
  type Change,
  changed,
  DAY_SECONDS,
  isActive,
  randomPermission,
} from './crash-change.ts'
import type { Observed, TakenKey } from './crash-ledger.ts'
import { isSettledPhase } from './crash-objects.ts'

const KEYS_MAX = 5
/** What is asked for, and what it makes of one key. */
interface Action {
  readonly action: string
  readonly parameters: object
  readonly change: (known: Observed) => Observed
  /** What an undo puts back. */
  readonly restored: readonly string[]
  readonly undoSeconds: number
}

export const BULK_CHANGES: Readonly<Record<string, Change>> = {
  'keys.bulk': ({ projectId, some, dice }) => {
    const keys = some('api_key', KEYS_MAX, isTakable)
    if (keys.length === 0) return null
    const actions = actionsOf(randomPermission(dice))
    const chosen = actions[Math.floor(dice() * actions.length)]
    if (chosen === undefined) return null
    const { action, parameters, undoSeconds } = chosen
    const query = { keyIds: keys.map(({ id }) => id) }
    const alters = keys.map((entry) => ({ entry, next: changed(entry, chosen.change(entry.acknowledged)) }))
    const taken = alters.map((alteration) => takenKey(alteration, chosen.restored))
    return {
      body: { projectId, environment: 'production', action, query, parameters, undoSeconds },
      alters,
      isUnderWay: ({ operation }) => !isSettledPhase(operation.phase),
      take: ({ operation }) => [
        {
          ...{ type: 'bulk_operation', id: operation.id, parameters: { bulkOperationId: operation.id } },
          // One begins it, the other takes all of its keys.
          acknowledged: { version: 2, phase: undoSeconds === 0 ? 'done' : 'waiting' },
          pending: null,
          secrets: {},
          taken: undoSeconds === 0 ? [] : taken,
        },
      ],
    }
  },
  'bulk-operations.undo': ({ one, byId }) => {
    const operation = one('bulk_operation', ({ phase }) => phase === 'waiting')
    if (operation === null) return null
    const alters: Alteration[] = []
    for (const { id, version, before } of operation.taken) {
      const entry = byId(id)
      if (entry !== undefined && entry.acknowledged['version'] === version)
        alters.push({ entry, next: changed(entry, before) })
    }
    // Two steps: the undo begins, and the one chunk is put back.
    const undone = { phase: 'undone', version: Number(operation.acknowledged['version']) + 2 }
    return {
      parameters: operation.parameters,
      body: {},
      alters: [...alters, { entry: operation, next: undone }],
      isUnderWay: ({ phase }) => !isSettledPhase(phase),
    }
  },
}

/** Active, with a current version and room for another: every action takes it. */
function isTakable(known: Observed): boolean {
  return isActive(known) && known['open'] !== 0 && acceptedOf(known).length < ACCEPTED_MAX
}

function actionsOf(permission: string): readonly Action[] {
  const refused = { restored: ['state', 'destroys'], change: () => ({ state: 'suspended' }) }
  return [
    { action: 'suspend', parameters: {}, undoSeconds: DAY_SECONDS, ...refused },
    // While it can be undone, a revocation suspends.
    { action: 'revoke', parameters: { reason: 'superseded' }, undoSeconds: DAY_SECONDS, ...refused },
    {
      ...{ action: 'revoke', parameters: { reason: 'keyCompromise' }, undoSeconds: 0, restored: [] },
      change: () => ({ state: 'compromised' }),
    },
    {
      ...{ action: 'rotate', parameters: { overlapSeconds: DAY_SECONDS }, undoSeconds: DAY_SECONDS },
      ...{ restored: ['open'], change: () => ({ open: 0 }) },
    },
    {
      ...{ action: 'update', parameters: { permissionsAdd: [permission] }, undoSeconds: DAY_SECONDS },
      restored: ['permissions', 'expiresAt'],
      change: ({ permissions }) => ({ permissions: `${permissions},${permission}` }),
    },
  ]
}

function takenKey({ entry, next: { version } }: Alteration, restored: readonly string[]): TakenKey {
  const { id, acknowledged } = entry
  const before = Object.fromEntries(restored.map((name) => [name, acknowledged[name] ?? '']))
  return { id, version: Number(version), before }
}
