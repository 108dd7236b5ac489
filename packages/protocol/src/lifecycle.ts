// NIST SP 800-57 part 1 revision 5, section 7 (key states and transitions); RFC 5280 section 5.3.1 (reasons)

/** The states of a key. Expiry is no state: it is judged by time at each use. */
export const KEY_STATES = [
  'pre-active',
  'active',
  'suspended',
  'deactivated',
  'compromised',
  'destroyed',
] as const
export type KeyState = (typeof KEY_STATES)[number]

/** What an audit event can be about. Keys have all states; everything else is only ever active or deactivated. */
export const TARGET_TYPES = [
  'installation',
  'project',
  'environment',
  'owner',
  'role',
  'api_key',
  'root_key',
  'bulk_operation',
  'bulk_chunk',
  'use_emitter',
  'import_source',
] as const
export type TargetType = (typeof TARGET_TYPES)[number]

/** Why a key was revoked, and the state that this leads to. Both states are final for use; only compromise is public. */
export const REVOCATION_REASONS = {
  unspecified: 'deactivated',
  keyCompromise: 'compromised',
  affiliationChanged: 'deactivated',
  superseded: 'deactivated',
  cessationOfOperation: 'deactivated',
  privilegeWithdrawn: 'deactivated',
} as const satisfies Record<string, KeyState>
export type RevocationReason = keyof typeof REVOCATION_REASONS

/** Why a key was suspended; it can return. */
export const SUSPENSION_REASONS = [
  'unspecified',
  'suspectedCompromise',
  'personnelChange',
  'policyViolation',
  'customerRequest',
] as const
export type SuspensionReason = (typeof SUSPENSION_REASONS)[number]

// A change that keeps the state (a new name, a new version) is a legal transition too, except after destruction.
const KEY_TRANSITIONS: Transitions = {
  created: ['pre-active', 'active'],
  'pre-active': ['pre-active', 'active', 'suspended', 'deactivated', 'compromised', 'destroyed'],
  active: ['active', 'suspended', 'deactivated', 'compromised'],
  suspended: ['suspended', 'active', 'deactivated', 'compromised', 'destroyed'],
  deactivated: ['deactivated', 'compromised', 'destroyed'],
  compromised: ['compromised', 'destroyed'],
  destroyed: [],
}

const OTHER_TRANSITIONS: Transitions = {
  created: ['active'],
  'pre-active': [],
  active: ['active', 'deactivated'],
  suspended: [],
  deactivated: [],
  compromised: [],
  destroyed: [],
}

type Transitions = { readonly [From in KeyState | 'created']: readonly KeyState[] }

/** Whether an object of this type may go from one state to the other; `from` is null for its creation. */
export function isLegalTransition(type: TargetType, from: KeyState | null, to: KeyState): boolean {
  const transitions = type === 'api_key' || type === 'root_key' ? KEY_TRANSITIONS : OTHER_TRANSITIONS
  return transitions[from ?? 'created'].includes(to)
}

/** Whether `value` is one of KEY_STATES. */
export function isKeyState(value: unknown): value is KeyState {
  return KEY_STATES.some((state) => state === value)
}

/** Whether `value` is one of REVOCATION_REASONS. */
export function isRevocationReason(value: unknown): value is RevocationReason {
  return typeof value === 'string' && Object.hasOwn(REVOCATION_REASONS, value)
}
