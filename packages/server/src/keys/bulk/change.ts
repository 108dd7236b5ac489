/** What a bulk operation makes of one key: pure, so that the dry run and the real one cannot differ. */
import { isLegalTransition, REVOCATION_REASONS } from '@keystead/protocol/lifecycle'
import { PERMISSIONS_MAX } from '@keystead/protocol/permission'
import { DomainError } from '../../errors.ts'
import { type ApiKey, type BulkItem, type BulkOperation, currentVersion } from '../../storage/records.ts'
import { revoked } from '../revoke.ts'
import { OVERLAP_SECONDS_DEFAULT } from '../rotate.ts'
import { roomAt, withCurrentEnd, withVersionEnd } from '../rotation-end.ts'
import { visibleState } from '../state.ts'
import { requireSensibleTimes } from '../times.ts'

/** Why a key that the query names is left as it is. */
export const SKIP_REASONS = [
  'illegal_transition',
  'unchanged',
  'expired',
  'not_running',
  'rotation_begun',
  'invalid_permissions',
  'invalid_times',
  'refused_row',
] as const
export type SkipReason = (typeof SKIP_REASONS)[number]

/** `next` is null for a key that needs no change yet. */
export interface Taken {
  readonly next: ApiKey | null
  readonly before: BulkItem['before']
}

type Wanted = Pick<BulkOperation, 'action' | 'parameters' | 'undoUntil'>

/**
 * The key after the operation has taken it, or why it is left alone. With an undo window a revocation suspends: the key
 * is refused from then on, and can still come back (T-30).
 */
export function take(key: ApiKey, wanted: Wanted, now: number): Taken | SkipReason {
  switch (wanted.action) {
    case 'suspend':
      return takeSuspended(key)
    case 'revoke':
      return takeRevoked(key, wanted, now)
    case 'rotate':
      return takeRotated(key, wanted, now)
    case 'update':
      return takeUpdated(key, wanted, now)
  }
}

/** The key after the undo window, or null when there is nothing left to do: only a revocation has a second half. */
export function conclude(key: ApiKey, { action, parameters }: Wanted, now: number): ApiKey | null {
  const reason = parameters.reason ?? 'unspecified'
  if (action !== 'revoke' || !isLegalTransition('api_key', key.state, REVOCATION_REASONS[reason])) return null
  return revoked(key, reason, now)
}

/** Whether somebody has changed the key since the operation took it; that it was upgraded by being used does not count. */
export function isTouched({ version, imported }: ApiKey, item: BulkItem): boolean {
  const upgrades = (imported?.upgradedIn ?? 0) > item.version ? 1 : 0
  return version !== item.version + upgrades
}

/** The key as it was before the operation took it. For a key that nobody has touched since: item.version is its own. */
export function putBack(key: ApiKey, { action }: Wanted, item: BulkItem): ApiKey | null {
  if (!item.changed) return null
  const version = key.version + 1
  if (action === 'suspend' || action === 'revoke')
    return { ...key, version, state: 'active', destroyAt: null }
  if (item.before === null) return null
  return 'versionNumber' in item.before
    ? withVersionEnd(key, item.before.versionNumber, null)
    : { ...key, version, ...item.before }
}

function takeSuspended(key: ApiKey): Taken | SkipReason {
  if (key.state === 'suspended') return 'unchanged'
  if (!isLegalTransition('api_key', key.state, 'suspended')) return 'illegal_transition'
  return { next: { ...key, version: key.version + 1, state: 'suspended' }, before: null }
}

function takeRevoked(key: ApiKey, { parameters, undoUntil }: Wanted, now: number): Taken | SkipReason {
  const reason = parameters.reason ?? 'unspecified'
  const state = REVOCATION_REASONS[reason]
  if (key.state === state) return 'unchanged'
  if (!isLegalTransition('api_key', key.state, state)) return 'illegal_transition'
  if (undoUntil === null) return { next: revoked(key, reason, now), before: null }
  const taken = takeSuspended(key)
  // Suspended by somebody else, or deactivated and now to be marked compromised: refused already.
  return typeof taken === 'string' ? { next: null, before: null } : taken
}

function takeRotated(key: ApiKey, { parameters }: Wanted, now: number): Taken | SkipReason {
  const state = visibleState(key, now)
  if (state === 'expired') return 'expired'
  if (state !== 'active' && state !== 'pre-active') return 'not_running'
  const until = now + (parameters.overlapSeconds ?? OVERLAP_SECONDS_DEFAULT) * 1_000
  const next = withCurrentEnd(key, until)
  if (next === null) return 'rotation_begun'
  // The next version must find room, or the holder is left without a key.
  if (roomAt(key, now) > now) return 'rotation_begun'
  return { next, before: { versionNumber: currentVersion(key)?.number ?? 0 } }
}

function takeUpdated(key: ApiKey, { parameters }: Wanted, now: number): Taken | SkipReason {
  const state = visibleState(key, now)
  if (state === 'expired') return 'expired'
  if (state !== 'active' && state !== 'pre-active') return 'not_running'
  const { permissionsAdd = [], permissionsRemove = [] } = parameters
  const kept = key.permissions.filter((permission) => !permissionsRemove.includes(permission))
  const permissions = [...kept, ...permissionsAdd.filter((permission) => !kept.includes(permission))]
  if (permissions.length === 0 || permissions.length > PERMISSIONS_MAX) return 'invalid_permissions'
  const expiresAt = parameters.expiresAt === undefined ? key.expiresAt : parameters.expiresAt
  const next: ApiKey = { ...key, version: key.version + 1, permissions, expiresAt }
  if (!hasSensibleTimes(next, now)) return 'invalid_times'
  const same = permissions.length === kept.length && kept.length === key.permissions.length
  if (same && expiresAt === key.expiresAt) return 'unchanged'
  return { next, before: { permissions: key.permissions, expiresAt: key.expiresAt } }
}

function hasSensibleTimes(key: ApiKey, now: number): boolean {
  try {
    requireSensibleTimes(key, now)
    return true
  } catch (error) {
    if (error instanceof DomainError) return false
    throw error
  }
}
