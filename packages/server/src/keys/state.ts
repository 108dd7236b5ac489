import { isLegalTransition, type KeyState } from '@keystead/protocol/lifecycle'
import { DomainError } from '../errors.ts'
import type { ApiKey } from '../storage/records.ts'

/** The state that people and lists see at `now` (epoch ms): expiry and a first moment of use are judged by time. */
export type VisibleState = KeyState | 'expired'

/** What the key is at `now`; the same order as the verification decision. */
export function visibleState(key: ApiKey, now: number): VisibleState {
  if (key.state === 'deactivated' || key.state === 'compromised' || key.state === 'destroyed')
    return key.state
  if (key.expiresAt !== null && now >= key.expiresAt) return 'expired'
  if (key.state === 'suspended') return 'suspended'
  return key.notBefore !== null && now < key.notBefore ? 'pre-active' : 'active'
}

/** `key.illegal_transition`, naming both states, unless NIST SP 800-57 lets the key go from its state to `to`. */
export function requireTransition(key: ApiKey, to: KeyState): void {
  const type = key.kind === 'root' ? 'root_key' : 'api_key'
  if (key.state === to || !isLegalTransition(type, key.state, to)) {
    throw new DomainError('key.illegal_transition', `It cannot go from ${key.state} to ${to}.`)
  }
}

/** For a change that needs a running key: `key.illegal_transition` when it is not, `key.expired` when its time is over. */
export function requireRunning(key: ApiKey, now: number): void {
  const state = visibleState(key, now)
  if (state === 'expired') throw new DomainError('key.expired')
  if (state !== 'active' && state !== 'pre-active') {
    throw new DomainError(
      'key.illegal_transition',
      `The key is ${state}; only an active key can be changed, and it cannot become active.`,
    )
  }
}
