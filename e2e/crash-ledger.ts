/** What the clients of the crash test have been told, and what they may find after a crash. */

/** Everything of an object that a mutation changes, as flat values for comparing. */
export type Observed = Readonly<Record<string, string | number>>

export type ObjectType =
  | 'project'
  | 'environment'
  | 'owner'
  | 'role'
  | 'api_key'
  | 'root_key'
  | 'bulk_operation'
  | 'import_source'

/** What a bulk operation has done to one key. */
export interface TakenKey {
  readonly id: string
  /** The key's version then: with any other, somebody has touched it since. */
  readonly version: number
  /** What an undo puts back. */
  readonly before: Observed
}

export interface Entry {
  readonly type: ObjectType
  readonly id: string
  /** What stands for it in paths. */
  readonly parameters: Readonly<Record<string, string>>
  /** The last state that the server has acknowledged. */
  acknowledged: Observed
  /** The state that a request would have made whose answer did not come. */
  pending: Observed | null
  /** A key's acknowledged secrets, by the number of their version. */
  readonly secrets: Record<number, string>
  /** Of a bulk operation that can be undone. */
  readonly taken: readonly TakenKey[]
}

/**
 * What is wrong with an object after a restart, or null. Found may be the acknowledged state or, when a request was
 * under way, the one that it asked for; anything else is a lost or an invented change.
 */
export function judge(entry: Entry, found: Observed | null): string | null {
  const name = `${entry.type} ${entry.id}`
  if (found === null) return `${name}: acknowledged, and gone`
  if (same(found, entry.acknowledged)) return null
  if (entry.pending !== null && same(found, entry.pending)) return null
  const text = JSON.stringify
  return `${name}: acknowledged ${text(entry.acknowledged)}, under way ${text(entry.pending)}, found ${text(found)}`
}

/** One stored object, or the last that the log says of it. */
export interface Standing {
  readonly version: number
  readonly state: string
}

export interface LoggedTarget {
  readonly type: string
  readonly id: string
  readonly version: number
  readonly state: readonly [string | null, string]
}

/** The log folded: where each object stands after it, and what is wrong with the log itself. */
export class LogFold {
  readonly standing = new Map<string, Standing>()
  readonly problems: string[] = []
  #next = 0

  get size(): number {
    return this.#next
  }

  /** Takes the next entry: its position and its targets. */
  add(position: number, targets: readonly LoggedTarget[]): void {
    if (position !== this.#next) this.problems.push(`position ${this.#next} is missing, ${position} follows`)
    this.#next = position + 1
    for (const { type, id, version, state } of targets) {
      const name = `${type} ${id}`
      const before = this.standing.get(name)
      if (version !== (before?.version ?? 0) + 1 || state[0] !== (before?.state ?? null)) {
        this.problems.push(`${name}: version ${version} from ${state[0]} follows ${JSON.stringify(before)}`)
      }
      this.standing.set(name, { version, state: state[1] })
    }
  }
}

/** Mutations without an entry, and entries without a mutation: where the rows and the log differ. */
export function compare(rows: ReadonlyMap<string, Standing>, log: ReadonlyMap<string, Standing>): string[] {
  const problems: string[] = []
  for (const [name, row] of rows) {
    const logged = log.get(name)
    if (logged === undefined) problems.push(`${name}: a row without an entry`)
    else if (row.version > logged.version)
      problems.push(`${name}: version ${row.version} without an entry, the last is of ${logged.version}`)
    else if (row.version < logged.version)
      problems.push(
        `${name}: an entry of version ${logged.version} without its change, the row has ${row.version}`,
      )
    else if (row.state !== logged.state)
      problems.push(`${name}: the row is ${row.state}, the log says ${logged.state}`)
  }
  for (const name of log.keys()) if (!rows.has(name)) problems.push(`${name}: an entry without a row`)
  return problems
}

function same(one: Observed, other: Observed): boolean {
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && one[name] === other[name])
  )
}
