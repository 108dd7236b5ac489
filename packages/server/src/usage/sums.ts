import type { VerificationCode } from '@keystead/protocol/decision'
import { readUse, USE_RECORD_BYTES } from '@keystead/protocol/use-record'
import type { KeyId } from '../ids.ts'
import { type KeyUse, UNKNOWN_KEY, USE_PERIODS, type UseCount, type UsePeriod } from '../storage/records.ts'
import type { KeyPlace } from '../storage/store.ts'

export const PERIOD_MS: Readonly<Record<UsePeriod, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
}

/** What of a record is the same for uses that are counted together: key, version and code (use-record.ts). */
const SAME_FROM = 6
const SAME_TO = 27

interface Tally {
  /** A record of these uses. */
  readonly bytes: Uint8Array
  readonly index: number
  count: number
  lastAt: number
}

/** Adds up records, minute by minute; what is not a record is left out. */
export class UseTally {
  readonly #minutes = new Map<number, Map<string, Tally>>()

  /** Takes the records [from, to) of a segment. The bytes must stay as they are. */
  add(bytes: Uint8Array, from: number, to: number): void {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let index = from; index < to; index++) {
      const at = index * USE_RECORD_BYTES
      const time = buffer.readUIntBE(at, 6)
      const minute = time - (time % PERIOD_MS.minute)
      const same = buffer.toString('latin1', at + SAME_FROM, at + SAME_TO)
      let tallies = this.#minutes.get(minute)
      if (tallies === undefined) this.#minutes.set(minute, (tallies = new Map<string, Tally>()))
      const known = tallies.get(same)
      if (known === undefined) tallies.set(same, { bytes, index, count: 1, lastAt: time })
      else {
        known.count += 1
        if (time > known.lastAt) known.lastAt = time
      }
    }
  }

  /** The keys that were used. */
  keyIds(): readonly KeyId[] {
    return [...new Set(this.#uses().flatMap(({ keyId }) => (keyId === UNKNOWN_KEY ? [] : [keyId as KeyId])))]
  }

  /**
   * What it all adds up to, in one order for the same records: totals for each key, version and code; and counts by
   * minute, hour and day for each key, for the owner of issued keys and for their project.
   */
  sums(places: ReadonlyMap<string, KeyPlace>): {
    readonly uses: readonly KeyUse[]
    readonly counts: readonly UseCount[]
  } {
    const totals = new Map<string, KeyUse>()
    const counts = new Map<string, UseCount>()
    for (const use of this.#uses()) {
      const name = `${use.keyId} ${use.versionNumber} ${use.code}`
      const known = totals.get(name)
      const count = (known?.count ?? 0) + use.count
      const lastAt = Math.max(known?.lastAt ?? 0, use.lastAt)
      totals.set(name, { keyId: use.keyId, versionNumber: use.versionNumber, code: use.code, count, lastAt })
      for (const subject of subjectsOf(use.keyId, places.get(use.keyId)))
        for (const period of USE_PERIODS)
          addCount(counts, {
            subject,
            environment: places.get(use.keyId)?.environment ?? null,
            period,
            startAt: use.minute - (use.minute % PERIOD_MS[period]),
            code: use.code,
            count: use.count,
          })
    }
    return { uses: inOrder(totals), counts: inOrder(counts) }
  }

  #uses(): (Omit<KeyUse, 'code'> & { readonly code: VerificationCode; readonly minute: number })[] {
    return [...this.#minutes].flatMap(([minute, tallies]) =>
      [...tallies.values()].flatMap(({ bytes, index, count, lastAt }) => {
        const use = readUse(bytes, index)
        if (use === null) return []
        const { keyId, versionNumber, code } = use
        return [{ keyId: keyId ?? UNKNOWN_KEY, versionNumber, code, count, lastAt, minute }]
      }),
    )
  }
}

/** A root key, which has no owner, is counted for itself alone: a project's counts are those of the keys that it issued. */
function subjectsOf(keyId: string, place: KeyPlace | undefined): readonly string[] {
  if (place === undefined || place.ownerId === null || place.projectId === null) return [keyId]
  return [keyId, place.ownerId, place.projectId]
}

function addCount(counts: Map<string, UseCount>, count: UseCount): void {
  const name = `${count.subject} ${count.period} ${count.startAt} ${count.environment ?? ''} ${count.code}`
  const known = counts.get(name)
  counts.set(name, known === undefined ? count : { ...known, count: known.count + count.count })
}

function inOrder<Value>(values: ReadonlyMap<string, Value>): readonly Value[] {
  return [...values].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value)
}
