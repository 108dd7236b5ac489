/** What a client of the crash test asks for, and what it knows that it leads to. */
import type { Dice } from './dice.ts'
import type { Entry, ObjectType, Observed } from './crash-ledger.ts'
import { type ObjectAnswer, observe } from './crash-objects.ts'

/** Whether an object that was last acknowledged like this is meant. */
export type Wanted = (acknowledged: Observed) => boolean

/** What one client has made. */
export interface Holdings {
  /** The project of all its other objects, since a key, its owner and its roles are of one. */
  readonly projectId: string
  /** Where keys of that project are imported from. */
  readonly sourceId: string
  /** One of its newest objects of this type, or null. */
  readonly one: (type: ObjectType, wanted?: Wanted) => Entry | null
  /** As one, up to `max` of them. */
  readonly some: (type: ObjectType, max: number, wanted: Wanted) => readonly Entry[]
  readonly byId: (id: string) => Entry | undefined
  /** Unlike every other name. */
  readonly newName: () => string
  readonly dice: Dice
}

export interface Alteration {
  readonly entry: Entry
  /** What it is afterwards, and after what the server does by itself because of it. */
  readonly next: Observed
}

/** One request and what it leads to. */
export interface Asked {
  readonly parameters?: Readonly<Record<string, string>>
  readonly body: object
  /** What it is asked with; left out: the credential of the operator. */
  readonly credential?: string
  /** All of these or none, whether there is an answer or not. */
  readonly alters?: readonly Alteration[]
  /** What only the answer tells: objects that are new, secrets. */
  readonly take?: (answer: ChangeAnswer) => readonly Entry[]
  /** Whether the server has still to do some of it, so that the client must leave its objects alone. */
  readonly isUnderWay?: (answer: ChangeAnswer) => boolean
}

/** The answer to a change; a member is there for the operations that have it. */
export interface ChangeAnswer extends ObjectAnswer {
  readonly key: ObjectAnswer
  readonly environments: readonly { readonly id: string; readonly environment: string }[]
  readonly operation: ObjectAnswer
  readonly items: readonly { readonly keyId: string }[]
  readonly secret: string
}

/** Null when the client has nothing that it could be done to. */
export type Change = (holdings: Holdings) => Asked | null

export const DAY_SECONDS = 86_400
/** VERSIONS_HELD_MAX of a key's versions can be accepted at once. */
export const ACCEPTED_MAX = 4

/** One change of one object; null when there is none. */
export function alter(entry: Entry | null, change: Observed, body: object): Asked | null {
  if (entry === null) return null
  return { parameters: entry.parameters, body, alters: [{ entry, next: changed(entry, change) }] }
}

/** What it is after one change. */
export function changed({ acknowledged }: Entry, change: Observed): Observed {
  return { ...acknowledged, version: Number(acknowledged['version']) + 1, ...change }
}

/** Takes what an answer says of a new object, and its secret if it has one. */
export function created(type: ObjectType, parameter: string): (answer: ChangeAnswer) => readonly Entry[] {
  return (answer) => {
    const object = type === 'api_key' || type === 'root_key' ? answer.key : answer
    return [
      {
        ...{ type, id: object.id, parameters: { [parameter]: object.id } },
        acknowledged: observe(type, object),
        pending: null,
        secrets: answer.secret === undefined ? {} : { 1: answer.secret },
        taken: [],
      },
    ]
  }
}

/** The numbers of the versions that are accepted, newest first. */
export function acceptedOf({ accepted }: Observed): readonly number[] {
  return accepted === '' ? [] : String(accepted).split(',').map(Number)
}

export function isActive({ state }: Observed): boolean {
  return state === 'active'
}

export function randomPermission(dice: Dice): string {
  return `plan-${Math.floor(dice() * 1_000_000)}:read`
}
