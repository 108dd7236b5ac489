import { canonicalJson, type JsonValue } from '@keystead/protocol/canonical-json'
import type { Domain } from '../../domain.ts'
import { DomainError } from '../../errors.ts'
import { hashText } from '../../hash.ts'
import type { BulkOperation } from '../../storage/records.ts'
import { type SkipReason, take } from './change.ts'
import { KEYS_MAX, type Scope, walkKeys } from './select.ts'

/** What a person can look at; the rest is in the counts. */
const OWNERS_SHOWN_MAX = 20
const SAMPLE_MAX = 20

/** What an operation would do, without having done it. */
export interface Preview {
  /** Keys that the query names, and those of them that would change; refused rows are in neither. */
  readonly total: number
  readonly affected: number
  readonly skipped: readonly { readonly reason: SkipReason; readonly count: number }[]
  /** Owners with the most affected keys, the most first. */
  readonly owners: readonly { readonly ownerId: string; readonly count: number }[]
  /** The first affected keys by id. */
  readonly sample: readonly string[]
  /** Stands for exactly these keys and this change: what the real call repeats. */
  readonly confirm: string
}

export type Draft = Scope & Pick<BulkOperation, 'action' | 'parameters' | 'undoUntil'>

/**
 * Goes through all keys in scope and changes nothing. `confirm` covers the change and the id of each key, so that it is
 * another one as soon as the keys are others (T-30). `bulk_operation.too_many_keys` beyond KEYS_MAX.
 */
export async function preview(domain: Domain, draft: Draft): Promise<Preview> {
  const now = domain.clock()
  const skipped = new Map<SkipReason, number>()
  const owners = new Map<string, number>()
  const sample: string[] = []
  let [total, affected] = [0, 0]
  let hash = hashText(canonicalJson(intentOf(draft)))
  const skip = (reason: SkipReason, count: number): void => {
    if (count > 0) skipped.set(reason, (skipped.get(reason) ?? 0) + count)
  }
  for await (const { keys, refused } of walkKeys(domain, draft, null)) {
    total += keys.length
    if (total > KEYS_MAX) throw new DomainError('bulk_operation.too_many_keys')
    skip('refused_row', refused)
    for (const key of keys) {
      hash = hashText(`${hash} ${key.id}`)
      const taken = take(key, draft, now)
      if (typeof taken === 'string') {
        skip(taken, 1)
        continue
      }
      affected += 1
      if (key.ownerId !== null) owners.set(key.ownerId, (owners.get(key.ownerId) ?? 0) + 1)
      if (sample.length < SAMPLE_MAX) sample.push(key.id)
    }
  }
  return {
    total,
    affected,
    skipped: [...skipped].map(([reason, count]) => ({ reason, count })),
    owners: [...owners]
      .map(([ownerId, count]) => ({ ownerId, count }))
      .toSorted((a, b) => b.count - a.count)
      .slice(0, OWNERS_SHOWN_MAX),
    sample,
    confirm: `${draft.asOf.toString(36)}.${draft.logSize.toString(36)}.${hash}`,
  }
}

/** The moment that a confirmation was given for; null for a text that is none. */
export function readConfirmation(text: string): { readonly asOf: number; readonly logSize: number } | null {
  const match = CONFIRMATION.exec(text)
  const [asOf, logSize] = [Number.parseInt(match?.[1] ?? '', 36), Number.parseInt(match?.[2] ?? '', 36)]
  return Number.isSafeInteger(asOf) && Number.isSafeInteger(logSize) ? { asOf, logSize } : null
}

const CONFIRMATION = /^([0-9a-z]{1,11})\.([0-9a-z]{1,11})\.[A-Za-z0-9_-]{43}$/

function intentOf({ projectId, environment, action, query, parameters, undoUntil }: Draft): JsonValue {
  return {
    projectId,
    environment,
    action,
    query: { ...query },
    parameters: { ...parameters },
    undoable: undoUntil !== null,
  }
}
