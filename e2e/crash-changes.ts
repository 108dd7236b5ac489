/** Every operation that changes something, as the clients of the crash test use it on objects of their own. */
import { DEFAULT_POLICY } from '../packages/server/src/storage/records.ts'
import { BULK_CHANGES } from './crash-bulk.ts'
import { IMPORT_CHANGES, isForeign } from './crash-import.ts'
import {
  ACCEPTED_MAX,
  acceptedOf,
  alter,
  type Asked,
  type Change,
  type ChangeAnswer,
  created,
  DAY_SECONDS,
  type Holdings,
  isActive,
  randomPermission,
} from './crash-change.ts'
import type { Entry, Observed } from './crash-ledger.ts'
import { type Policy, policyText } from './crash-objects.ts'
import type { Dice } from './dice.ts'

const DAY_MS = 86_400_000
/** Of all changes at most: every environment is looked through by the jobs of each start. */
const PROJECTS_SHARE = 0.01

/** By the operation's id in the OpenAPI document. */
export const CHANGES: Readonly<Record<string, Change>> = {
  'projects.create': ({ one, newName, dice }) =>
    one('project') === null || dice() < PROJECTS_SHARE
      ? { body: { name: newName() }, take: createdProject }
      : null,
  'environments.update': ({ one, dice }) => {
    const environment = one('environment')
    if (environment === null) return null
    const policy = randomPolicy(dice)
    return alter(environment, { policy: policyText(policy) }, policy)
  },

  'owners.create': ({ projectId, newName }) => ({
    body: { projectId, externalId: newName(), metadata: { plan: 'small' } },
    take: created('owner', 'ownerId'),
  }),
  'owners.update': ({ one, newName, dice }) => {
    const name = newName()
    if (dice() < 0.5) return alter(one('owner'), { name }, { name })
    const metadata = { plan: name }
    return alter(one('owner'), { metadata: JSON.stringify(metadata) }, { metadata })
  },

  'roles.create': ({ projectId, newName }) => ({
    body: { projectId, name: newName(), permissions: ['chain:read'] },
    take: created('role', 'roleId'),
  }),
  'roles.update': ({ one, dice }) => {
    const permissions = ['chain:read', randomPermission(dice)]
    return alter(one('role', isActive), { permissions: permissions.join() }, { permissions })
  },
  'roles.deactivate': ({ one }) => alter(one('role', isActive), { state: 'deactivated' }, {}),

  'keys.create': ({ projectId, one, newName }) => {
    const owner = one('owner')
    if (owner === null) return null
    return {
      body: {
        ...{ projectId, environment: 'production', ownerId: owner.id, name: newName() },
        permissions: ['market:read'],
      },
      take: created('api_key', 'keyId'),
    }
  },
  'keys.update': (holdings) => {
    const { change, body } = keyUpdate(holdings)
    return alter(holdings.one('api_key', isActive), change, body)
  },
  'keys.rotate': (holdings) => rotate(holdings, 'api_key'),
  'keys.cancel-rotation': ({ one }) => {
    const key = one('api_key', (known) => isActive(known) && afterCancel(known) !== null)
    return key === null ? null : alter(key, afterCancel(key.acknowledged) ?? {}, {})
  },
  'self.rotate': rotateSelf,
  'self.revoke': ({ one }) => {
    const key = one('api_key', isActive)
    const [number = 0] = key === null ? [] : acceptedOf(key.acknowledged)
    const credential = key?.secrets[number]
    if (credential === undefined || isForeign(credential)) return null
    return { ...alter(key, { state: 'compromised' }, {}), body: {}, credential }
  },
  'keys.suspend': ({ one }) => alter(one('api_key', isActive), { state: 'suspended' }, {}),
  'keys.resume': ({ one }) => alter(one('api_key', isSuspended), { state: 'active', destroys: 'no' }, {}),
  'keys.revoke': (holdings) => revoke(holdings, 'api_key'),
  'keys.destroy': ({ one, dice }) => {
    const key = one('api_key', ({ state }) => state !== 'active' && state !== 'destroyed')
    if (key === null || dice() < 0.5) return alter(key, { destroys: 'later' }, { delaySeconds: DAY_SECONDS })
    return alter(key, destroyed(key.acknowledged), { delaySeconds: 0 })
  },
  'keys.cancel-destruction': ({ one }) =>
    alter(
      one('api_key', ({ destroys }) => destroys === 'later'),
      { destroys: 'no' },
      {},
    ),
  ...BULK_CHANGES,
  ...IMPORT_CHANGES,

  'root-keys.create': ({ newName }) => ({
    body: {
      ...{ projectId: null, environment: null, name: newName() },
      permissions: ['projects:read'],
      expiresAt: Date.now() + DAY_MS,
    },
    take: created('root_key', 'keyId'),
  }),
  'root-keys.update': ({ one, newName, dice }) => {
    const name = newName()
    if (dice() < 0.5) return alter(one('root_key', isActive), { name }, { name })
    const permissions = ['projects:read', 'owners:read']
    return alter(one('root_key', isActive), { permissions: permissions.join() }, { permissions })
  },
  'root-keys.rotate': (holdings) => rotate(holdings, 'root_key'),
  'root-keys.suspend': ({ one }) => alter(one('root_key', isActive), { state: 'suspended' }, {}),
  'root-keys.resume': ({ one }) => alter(one('root_key', isSuspended), { state: 'active' }, {}),
  'root-keys.revoke': (holdings) => revoke(holdings, 'root_key'),
}

function isSuspended({ state }: Observed): boolean {
  return state === 'suspended'
}

/** A project and its environments, which begin with the policy that all begin with. */
function createdProject(answer: ChangeAnswer): readonly Entry[] {
  const environments = answer.environments.map(({ id, environment }) => ({
    ...{ type: 'environment' as const, id, parameters: { projectId: answer.id, environment } },
    acknowledged: { version: 1, policy: policyText({ ...DEFAULT_POLICY }) },
    ...{ pending: null, secrets: {}, taken: [] },
  }))
  return [...created('project', 'projectId')(answer), ...environments]
}

function randomPolicy(dice: Dice): Policy {
  const days = 30 + Math.floor(dice() * 300)
  return {
    ...{ maximumAgeSeconds: days * DAY_SECONDS, rotation: dice() < 0.5 ? 'warn' : 'automatic' },
    ...{ overlapSeconds: DAY_SECONDS, cutoverSilentSeconds: null, idleExpirySeconds: days * DAY_SECONDS },
    selfRotation: dice() < 0.5,
  }
}

function keyUpdate({ one, newName, dice }: Holdings): { change: Observed; body: object } {
  const choice = dice()
  const name = newName()
  if (choice < 0.2) return { change: { name }, body: { name } }
  if (choice < 0.4) {
    const permissions = ['market:read', randomPermission(dice)]
    return { change: { permissions: permissions.join() }, body: { permissions } }
  }
  if (choice < 0.6) {
    const roles = [one('role', isActive)?.id ?? []].flat()
    return { change: { roles: roles.join() }, body: { roles } }
  }
  if (choice < 0.8) {
    const allowedAddresses = ['203.0.113.0/24', `198.51.100.${Math.floor(dice() * 256)}/32`]
    return { change: { addresses: allowedAddresses.join() }, body: { allowedAddresses } }
  }
  const expiresAt = Date.now() + DAY_MS + Math.floor(dice() * DAY_MS)
  return { change: { expiresAt }, body: { expiresAt } }
}

function rotate({ one, dice }: Holdings, type: 'api_key' | 'root_key'): Asked | null {
  const key = one(type, (known) => isActive(known) && acceptedOf(known).length < ACCEPTED_MAX)
  if (key === null) return null
  const overlaps = dice() < 0.5
  return { ...newVersion(key, overlaps), body: { overlapSeconds: overlaps ? DAY_SECONDS : 0 } }
}

function newVersion(key: Entry, overlaps: boolean): Omit<Asked, 'body'> {
  const newest = Number(key.acknowledged['newest']) + 1
  const accepted = [newest, ...(overlaps ? acceptedOf(key.acknowledged) : [])].join()
  return {
    ...alter(key, { newest, open: newest, accepted }, {}),
    take: ({ secret }) => {
      key.secrets[newest] = secret
      return []
    },
  }
}

/** Whoever holds the current version, from where the key may be used. */
function rotateSelf({ one }: Holdings): Asked | null {
  const key = one('api_key', (known) => {
    const hasRoom = acceptedOf(known).length < ACCEPTED_MAX
    return isActive(known) && known['addresses'] === '' && hasRoom
  })
  const credential = key?.secrets[Number(key.acknowledged['open'])]
  if (key === null || credential === undefined || isForeign(credential)) return null
  return { ...newVersion(key, true), body: {}, credential }
}

function revoke({ one, dice }: Holdings, type: 'api_key' | 'root_key'): Asked | null {
  const key = one(type, ({ state }) => state === 'active' || state === 'suspended')
  if (dice() < 0.5) return alter(key, { state: 'compromised' }, { reason: 'keyCompromise' })
  return alter(key, { state: 'deactivated' }, { reason: 'superseded' })
}

/** What taking back a rotation changes; null when none is in its overlap. */
function afterCancel(known: Observed): Observed | null {
  const accepted = acceptedOf(known)
  const rest = known['open'] === 0 ? accepted : accepted.slice(1)
  const [open] = rest
  return open === undefined ? null : { open, accepted: rest.join() }
}

/** Its destruction is asked for and due at once: the job does it by itself. */
function destroyed({ version }: Observed): Observed {
  return {
    ...{ version: Number(version) + 2, state: 'destroyed', name: '', permissions: '', roles: '' },
    ...{ addresses: '', destroys: 'no', newest: 0, open: 0, accepted: '' },
  }
}
