import { type AuditEvent, AuditEventError, type AuditTarget, parseAuditEvent } from './audit-event.ts'
import type { CheckResult } from './audit-report.ts'
import { isLegalTransition, type KeyState } from './lifecycle.ts'

/** An object as the log left it. */
export type LoggedObject = {
  readonly version: number
  readonly state: KeyState
  /** 32 bytes, base64url. */
  readonly commitment: string
}

/**
 * Checks what the leaves say, one after the other in the order of the log: form, uniqueness of ids and nonces, and for
 * every object an unbroken history. Holds about 200 bytes per leaf and 200 per object, never the leaves.
 */
export class LeafChecks {
  readonly #events: CheckResult
  readonly #unique: CheckResult
  readonly #history: CheckResult
  readonly #ids = new Map<string, number>()
  readonly #nonces = new Map<string, number>()
  readonly #objects = new Map<string, LoggedObject>()
  #count = 0

  constructor(events: CheckResult, unique: CheckResult, history: CheckResult) {
    this.#events = events
    this.#unique = unique
    this.#history = history
  }

  /** Every object by type and id (`api_key key_...`) as the leaves so far have left it: fold(log). */
  get objects(): ReadonlyMap<string, LoggedObject> {
    return this.#objects
  }

  /** Takes the leaf at `position`. A leaf that is no event is reported and plays no part in the histories: null. */
  add(position: number, leaf: Uint8Array): AuditEvent | null {
    this.#count += 1
    try {
      const event = parseAuditEvent(leaf)
      this.#addUnique(this.#ids, event.id, 'event id', position, leaf)
      this.#addUnique(this.#nonces, event.nonce, 'nonce', position, leaf)
      for (const target of event.targets) this.addTarget(target, position, leaf)
      return event
    } catch (error) {
      if (!(error instanceof AuditEventError)) throw error
      this.#events.problem(position, `${leafName(position, leaf)}: ${error.message}`)
      return null
    }
  }

  /** Says that there are no more leaves. */
  finish(): void {
    this.#events.finish(`${this.#count} events in canonical form, with known actions`)
    this.#unique.finish(`${this.#ids.size} event ids and ${this.#nonces.size} nonces`)
    this.#history.finish(`${this.#objects.size} objects, versions without gaps, legal transitions only`)
  }

  /** Says that the rest of the leaves could not be read. */
  abandon(): void {
    const detail = `only the first ${this.#count} events could be checked`
    for (const check of [this.#events, this.#unique, this.#history]) check.abandon(detail)
  }

  #addUnique(
    seen: Map<string, number>,
    value: string,
    what: string,
    position: number,
    leaf: Uint8Array,
  ): void {
    const first = seen.get(value)
    if (first === undefined) seen.set(value, position)
    else this.#unique.problem(position, `${leafName(position, leaf)}: same ${what} as leaf ${first}`)
  }

  /** Takes what the leaf at `position` changed beside its own targets: a line of its batch. */
  addTarget(target: AuditTarget, position: number, leaf: Uint8Array): void {
    const name = `${target.type} ${target.id}`
    const before = this.#objects.get(name)
    const [from, to] = target.state
    const report = (what: string) =>
      this.#history.problem(position, `${leafName(position, leaf)}: ${name} ${what}`)
    const expected = (before?.version ?? 0) + 1
    if (target.version !== expected) report(`has version ${target.version} where ${expected} must follow`)
    const state = before?.state ?? null
    if (from !== state) report(`is said to come from ${from ?? 'nothing'}, but was ${state ?? 'unknown'}`)
    if (!isLegalTransition(target.type, from, to)) report(`may not go from ${from ?? 'nothing'} to ${to}`)
    // Go on from what the leaf claims: one gap is one problem, not one per later leaf.
    this.#objects.set(name, { version: target.version, state: to, commitment: target.commitment })
  }
}

/** `leaf 17 (key.revoked, evt_...)`; reads id and action even out of a leaf that does not parse, if they are there. */
export function leafName(position: number, leaf: Uint8Array): string {
  // RFC 8785 sorts members, so the first match of each is the event's own; the patterns let no control character out.
  const text = new TextDecoder().decode(leaf)
  const action = /"action":"([a-z_]{1,40}\.[a-z_]{1,40})"/.exec(text)?.[1]
  const id = /"id":"(evt_[0-9a-z]{26})"/.exec(text)?.[1]
  return `leaf ${position} (${action ?? 'unknown action'}, ${id ?? 'unknown id'})`
}
