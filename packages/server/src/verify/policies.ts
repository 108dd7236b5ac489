import { type AddressRange, parseAddressRange } from '@keystead/protocol/address'
import type { KeyPolicy } from '@keystead/protocol/decision'
import { compileGrants, EFFECTIVE_PERMISSIONS_MAX, type Grants } from '@keystead/protocol/permission'
import { jsonPart, jsonValues, type Part, type Parts } from '../compact/part.ts'
import type { ApiKey, Role } from '../storage/records.ts'

const POLICIES = 'policies'
const ROLES = 'roles'
export const POLICIES_LAYOUT = `${POLICIES} ${ROLES} 1`

/** What a policy is made of. */
type Lists = Pick<ApiKey, 'permissions' | 'roles' | 'allowedAddresses'>

/** A policy that changes with the roles it is made of, under the hands of the records that share it. */
interface SharedPolicy extends KeyPolicy {
  grants: Grants
  readonly addresses: readonly AddressRange[]
  readonly lists: Lists
}

/**
 * What keys may do and from where, by number, compiled once for all keys that have the same lists. A role that changes is
 * compiled into every policy that names it at once, so each key that has it is judged by it from the next decision on.
 */
export class Policies {
  /** Null: free, to be used again. */
  readonly #policies: (SharedPolicy | null)[] = []
  readonly #numbers = new Map<string, number>()
  readonly #free: number[] = []
  readonly #roles = new Map<string, Role>()
  readonly #withdrawn = new Set<string>()

  static restore(parts: Parts): Policies {
    const policies = new Policies()
    policies.addRoles(jsonValues(parts, ROLES) as Role[])
    for (const lists of jsonValues(parts, POLICIES) as (Lists | null)[]) {
      const number = policies.#policies.length
      if (lists === null) policies.#free.push(number)
      else policies.#numbers.set(nameOf(lists), number)
      policies.#policies.push(lists === null ? null : policies.#make(lists))
    }
    return policies
  }

  at(number: number): KeyPolicy {
    const policy = this.#policies[number]
    if (policy === undefined || policy === null) throw new Error('a number that stands for no policy')
    return policy
  }

  /** The number of a key's policy. Keys with equal permissions, roles and addresses have the same one. */
  numberOf({ permissions, roles, allowedAddresses }: Lists): number {
    const lists = { permissions, roles, allowedAddresses }
    const name = nameOf(lists)
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    const number = this.#free.pop() ?? this.#policies.length
    this.#policies[number] = this.#make(lists)
    this.#numbers.set(name, number)
    return number
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

  /** How many distinct policies are kept. */
  get size(): number {
    return this.#numbers.size
  }

  /** Forgets every policy whose number is not among `used`. */
  keepOnly(used: ReadonlySet<number>): void {
    for (const [number, policy] of this.#policies.entries()) {
      if (policy === null || used.has(number)) continue
      this.#numbers.delete(nameOf(policy.lists))
      this.#policies[number] = null
      this.#free.push(number)
    }
  }

  /** Roles and policies as they are now; not while a role is withdrawn. */
  capture(): readonly Part[] {
    const lists = this.#policies.map((policy) => policy?.lists ?? null)
    return [jsonPart(ROLES, [...this.#roles.values()]), jsonPart(POLICIES, lists)]
  }

  #make(lists: Lists): SharedPolicy {
    return {
      grants: this.#compile(lists),
      addresses: lists.allowedAddresses.flatMap((text) => parseAddressRange(text).range ?? []),
      lists,
    }
  }

  #compileAgain(changed: ReadonlySet<string>): void {
    for (const policy of this.#policies)
      if (policy?.lists.roles.some((id) => changed.has(id)) === true)
        policy.grants = this.#compile(policy.lists)
  }

  /** A role that is not there (any more) gives nothing; a deny of any of them denies. */
  #compile({ permissions, roles }: Lists): Grants {
    if (roles.some((id) => this.#withdrawn.has(id))) return compileGrants(['!*'])
    const fromRoles = roles.flatMap((id) => {
      const role = this.#roles.get(id)
      return role?.state === 'active' ? role.permissions : []
    })
    return compileGrants([...new Set([...permissions, ...fromRoles])], EFFECTIVE_PERMISSIONS_MAX)
  }
}

function nameOf({ permissions, roles, allowedAddresses }: Lists): string {
  return JSON.stringify([permissions, roles, allowedAddresses])
}
