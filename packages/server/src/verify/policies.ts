import { type AddressRange, parseAddressRange } from '@keystead/protocol/address'
import type { KeyPolicy } from '@keystead/protocol/decision'
import { compileGrants, EFFECTIVE_PERMISSIONS_MAX, type Grants } from '@keystead/protocol/permission'
import type { ApiKey, Role } from '../storage/records.ts'

/** A policy that changes with the roles it is made of, under the hands of the records that share it. */
interface SharedPolicy extends KeyPolicy {
  grants: Grants
  readonly addresses: readonly AddressRange[]
  readonly permissions: readonly string[]
  readonly roles: readonly string[]
}

/**
 * What keys may do and from where, compiled once for all keys that have the same lists. A role that changes is compiled
 * into every policy that names it at once, so each key that has it is judged by it from the next decision on.
 */
export class Policies {
  readonly #policies = new Map<string, SharedPolicy>()
  readonly #roles = new Map<string, Role>()
  readonly #withdrawn = new Set<string>()

  /** The policy of a key. Keys with equal permissions, roles and addresses get the same one. */
  of({ permissions, roles, allowedAddresses }: ApiKey): KeyPolicy {
    const name = JSON.stringify([permissions, roles, allowedAddresses])
    const known = this.#policies.get(name)
    if (known !== undefined) return known
    const policy: SharedPolicy = {
      grants: this.#compile(permissions, roles),
      addresses: allowedAddresses.flatMap((text) => parseAddressRange(text).range ?? []),
      permissions,
      roles,
    }
    this.#policies.set(name, policy)
    return policy
  }

  /** Takes in roles as they are now. */
  addRoles(roles: readonly Role[]): void {
    if (roles.length === 0) return
    for (const role of roles) {
      this.#roles.set(role.id, role)
      this.#withdrawn.delete(role.id)
    }
    this.#compileAgain(new Set(roles.map(({ id }) => id)))
  }

  /**
   * Of roles that cannot be read nobody knows what they deny: keys that have one may do nothing until it is back (T-05).
   * Other ids among them do no harm.
   */
  withdrawRoles(ids: ReadonlySet<string>): void {
    for (const id of ids) this.#withdrawn.add(id)
    this.#compileAgain(ids)
  }

  #compileAgain(changed: ReadonlySet<string>): void {
    for (const policy of this.#policies.values())
      if (policy.roles.some((id) => changed.has(id)))
        policy.grants = this.#compile(policy.permissions, policy.roles)
  }

  /** How many distinct policies are kept. */
  get size(): number {
    return this.#policies.size
  }

  /** Forgets every policy that `used` does not hold. */
  keepOnly(used: ReadonlySet<KeyPolicy>): void {
    for (const [name, policy] of this.#policies) if (!used.has(policy)) this.#policies.delete(name)
  }

  /** A role that is not there (any more) gives nothing; a deny of any of them denies. */
  #compile(permissions: readonly string[], roles: readonly string[]): Grants {
    if (roles.some((id) => this.#withdrawn.has(id))) return compileGrants(['!*'])
    const fromRoles = roles.flatMap((id) => {
      const role = this.#roles.get(id)
      return role?.state === 'active' ? role.permissions : []
    })
    return compileGrants([...new Set([...permissions, ...fromRoles])], EFFECTIVE_PERMISSIONS_MAX)
  }
}
