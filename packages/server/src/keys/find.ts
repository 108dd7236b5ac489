import { type Authorized, isWithin } from '../access/authorize.ts'
import type { Action } from '../access/actions.ts'
import { DomainError } from '../errors.ts'
import type { ApiKey } from '../storage/records.ts'

/** Which half of the keys an operation is about: customers' API keys, or operators' root keys. */
export type KeyClass = 'issued' | 'root'

/** The key if it is of this class and within the caller's reach; `key.not_found` otherwise, whatever the reason. */
export function requireVisible(key: ApiKey | null, keyClass: KeyClass, by: Authorized<Action>): ApiKey {
  const isRoot = key?.kind === 'root'
  if (key === null || isRoot !== (keyClass === 'root') || !isWithin(by.reach, key)) {
    throw new DomainError('key.not_found')
  }
  return key
}

/**
 * `access.escalation` when a root key can do more than the caller: whoever rotates it would get its secret, whoever
 * updates it could keep it alive (T-09). API keys carry customers' permissions, not operators'.
 */
export function requireNoEscalation(key: ApiKey, by: Authorized<Action>): void {
  if (key.kind === 'root' && !by.canGive(key.permissions)) throw new DomainError('access.escalation')
}
