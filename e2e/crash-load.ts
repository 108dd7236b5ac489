import { type Api, UnexpectedAnswer } from './api.ts'
import type { Alteration, Asked, ChangeAnswer, Holdings, Wanted } from './crash-change.ts'
import { CHANGES } from './crash-changes.ts'
import type { Entry, ObjectType } from './crash-ledger.ts'
import { fillPath } from './crash-objects.ts'
import { SeededDice } from './dice.ts'
import { mutatingOperations } from './openapi.ts'

/** Only so many of the newest objects of a type are changed again: a long run must not slow down. */
const RECENT = 40
/** Of all changes, about so many are the one that was acknowledged least often until now. */
const RAREST_SHARE = 0.5
/** What is used up most has to be made most. */
const KEYS_SHARE = 0.15
const OPERATIONS = mutatingOperations()

/** Of all clients together, by operation: how many changes were acknowledged, how many under way at a kill. */
export class Tally {
  readonly acknowledged: Map<string, number>
  readonly interrupted: Map<string, number>

  constructor(saved?: SavedTally) {
    const none = [...OPERATIONS.keys()].map((id) => [id, 0] as const)
    this.acknowledged = new Map([...none, ...(saved?.acknowledged ?? [])])
    this.interrupted = new Map([...none, ...(saved?.interrupted ?? [])])
  }

  save(): SavedTally {
    return { acknowledged: [...this.acknowledged], interrupted: [...this.interrupted] }
  }
}

type Counts = readonly (readonly [operation: string, count: number])[]

export interface SavedTally {
  readonly acknowledged: Counts
  readonly interrupted: Counts
}

/** What is left of a client between two runs of the program. */
export interface SavedClient {
  readonly entries: readonly Entry[]
  readonly made: number
  readonly diceState: number
}

/** One client: changes its own objects, one request at a time, until the server is gone. */
export class MutatingClient {
  readonly entries: Entry[] = []
  readonly touched = new Set<Entry>()
  /** What the request would have altered whose answer did not come. */
  unanswered: readonly Alteration[] = []
  readonly #name: string
  readonly #dice: SeededDice
  readonly #tally: Tally
  readonly #byId = new Map<string, Entry>()
  readonly #byType = new Map<ObjectType, Entry[]>()
  #made = 0

  constructor(name: string, seed: number, tally: Tally, saved?: SavedClient) {
    this.#name = name
    this.#tally = tally
    this.#dice = new SeededDice(saved?.diceState ?? seed)
    this.#made = saved?.made ?? 0
    for (const entry of saved?.entries ?? []) this.#add(entry)
  }

  save(): SavedClient {
    return { entries: this.entries, made: this.#made, diceState: this.#dice.state }
  }

  /**
   * Resolves when the connection breaks, or when the server says that it cannot reach its database. Throws for any other
   * answer that is not the asked-for change.
   */
  async run(api: Api, place: Pick<Holdings, 'projectId' | 'sourceId'>): Promise<void> {
    const holdings: Holdings = {
      ...place,
      one: (type, wanted) => this.#some(type, 1, wanted)[0] ?? null,
      some: (type, max, wanted) => this.#some(type, max, wanted),
      byId: (id) => this.#byId.get(id),
      newName: () => `${this.#name}-${this.#made++}`,
      dice: this.#dice.throw,
    }
    for (;;) {
      const [id, asked] = this.#choose(holdings)
      try {
        if (await this.#ask(api, id, asked)) return
      } catch (error) {
        if (error instanceof UnexpectedAnswer && error.status !== 503) throw error
        // Only an answer that leaves it open may be followed by either state.
        const isUndone = error instanceof UnexpectedAnswer && !error.text.includes('storage.unconfirmed')
        if (isUndone) this.#forgetUnanswered()
        else countOne(this.#tally.interrupted, id)
        return
      }
    }
  }

  /**
   * Marks what was asked for as pending until the answer is there; until after the crash when it does not come. Answers
   * whether the server has not done all of it yet.
   */
  async #ask(api: Api, id: string, asked: Asked): Promise<boolean> {
    const operation = OPERATIONS.get(id)
    if (operation === undefined) throw new UnexpectedAnswer('', id, 0, 'is no operation of the document')
    this.unanswered = asked.alters ?? []
    for (const { entry, next } of this.unanswered) {
      entry.pending = next
      this.touched.add(entry)
    }
    const path = fillPath(operation.path, asked.parameters ?? {})
    const answer = await api.json<ChangeAnswer>(operation.method, path, asked.body, asked.credential)
    for (const { entry, next } of this.unanswered) {
      entry.acknowledged = next
      entry.pending = null
    }
    this.unanswered = []
    for (const entry of asked.take?.(answer) ?? []) this.#add(entry)
    countOne(this.#tally.acknowledged, id)
    return asked.isUnderWay?.(answer) ?? false
  }

  #forgetUnanswered(): void {
    for (const { entry } of this.unanswered) entry.pending = null
    this.unanswered = []
  }

  /** Something that the client can do now; often what has been done least. */
  #choose(holdings: Holdings): readonly [string, Asked] {
    const possible: (readonly [string, Asked])[] = []
    for (const [id, change] of Object.entries(CHANGES)) {
      const asked = change(holdings)
      if (asked !== null) possible.push([id, asked])
    }
    const countOf = ([id]: readonly [string, Asked]): number => this.#tally.acknowledged.get(id) ?? 0
    const choice = this.#dice.throw()
    const rarest = possible.toSorted((one, other) => countOf(one) - countOf(other))[0]
    const key = possible.find(([id]) => id === 'keys.create')
    const any = possible[Math.floor(this.#dice.throw() * possible.length)]
    const chosen = choice < RAREST_SHARE ? rarest : choice < RAREST_SHARE + KEYS_SHARE ? (key ?? any) : any
    if (chosen === undefined) throw new UnexpectedAnswer('', this.#name, 0, 'finds nothing to do')
    return chosen
  }

  #add(entry: Entry): void {
    this.entries.push(entry)
    this.touched.add(entry)
    this.#byId.set(entry.id, entry)
    const others = this.#byType.get(entry.type) ?? []
    others.push(entry)
    this.#byType.set(entry.type, others)
  }

  #some(type: ObjectType, max: number, wanted: Wanted = () => true): Entry[] {
    const recent = (this.#byType.get(type) ?? []).slice(-RECENT)
    const candidates = recent.filter(({ acknowledged }) => wanted(acknowledged))
    const from = Math.floor(this.#dice.throw() * Math.max(1, candidates.length - max + 1))
    return candidates.slice(from, from + max)
  }
}

function countOne(counts: Map<string, number>, id: string): void {
  counts.set(id, (counts.get(id) ?? 0) + 1)
}
