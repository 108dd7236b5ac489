import type { OwnerFacts } from '@keystead/protocol/decision'
import { jsonPart, jsonValues, type Part, type Parts } from '../compact/part.ts'
import type { Owner } from '../storage/records.ts'

const PART = 'owners'
export const OWNERS_LAYOUT = `${PART} 1`

/** What verification tells of one owner. Replaced, never changed: a capture keeps what it has. */
export interface HeldOwner {
  readonly id: string
  readonly facts: OwnerFacts
}

/** The owners of keys, by number. */
export class Owners {
  readonly #owners: HeldOwner[] = []
  readonly #numbers = new Map<string, number>()

  static restore(parts: Parts): Owners {
    const owners = new Owners()
    for (const value of jsonValues(parts, PART)) owners.#put(value as HeldOwner)
    return owners
  }

  at(number: number): HeldOwner {
    const owner = this.#owners[number]
    if (owner === undefined) throw new Error('a number that stands for no owner')
    return owner
  }

  /** The number of an owner; a key may be read before its owner. */
  numberOf(id: string): number {
    return this.#numbers.get(id) ?? this.#put({ id, facts: { externalId: '', json: 'null' } })
  }

  /** Takes in an owner as it is now. */
  add({ id, externalId, metadata }: Owner): void {
    this.#put({ id, facts: { externalId, json: JSON.stringify({ externalId, metadata }) } })
  }

  capture(): Part {
    return jsonPart(PART, [...this.#owners])
  }

  #put(owner: HeldOwner): number {
    const known = this.#numbers.get(owner.id)
    if (known !== undefined) {
      this.#owners[known] = owner
      return known
    }
    const number = this.#owners.push(owner) - 1
    this.#numbers.set(owner.id, number)
    return number
  }
}
