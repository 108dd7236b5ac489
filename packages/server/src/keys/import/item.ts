import type { FieldError } from '../../errors.ts'
import type { ImportSource } from '../../storage/records.ts'
import { UNPROVABLE_DIGEST } from '@keystead/protocol/decision'
import type { KeyDescription } from '../new-key.ts'
import { fastRef, slowRef } from './digests.ts'
import { isFast, readFastHash } from './fast-hash.ts'
import { isLookupOf } from './foreign-text.ts'
import { slowHashProblem } from './slow/phc.ts'

/** What another system knows of one of its keys. Times are epoch milliseconds. */
export interface ImportItem extends KeyDescription {
  readonly hash: string
  /** The part of the text that finds the key, where the source has a rule for one. */
  readonly lookup?: string
  readonly ownerExternalId: string
  /** When the other system made it: its age counts from then. */
  readonly createdAt?: number
}

/** What an imported key is found by, what proves it, and what must be kept encrypted for that. */
export interface Recognition {
  readonly ref: string
  readonly digest: string
  readonly slowHash: string | null
}

/** How texts of this item will be recognised, or what is wrong with it. `path`: where it stands in the request. */
export function recognitionOf(
  source: ImportSource,
  { hash, lookup }: ImportItem,
  path: string,
): Recognition | FieldError {
  const rule = source.lookup
  if (rule === null && lookup !== undefined)
    return { path: `${path}/lookup`, message: 'the source has no rule for a look-up part' }
  if (rule !== null && (lookup === undefined || !isLookupOf(rule, lookup)))
    return { path: `${path}/lookup`, message: 'must be what the rule of the source makes of the key’s text' }
  if (isFast(source.algorithm)) {
    const read = readFastHash(source.algorithm, hash)
    if (read === null)
      return { path: `${path}/hash`, message: `must be a hash by ${source.algorithm} as hex or base64` }
    const ref = fastRef(source.id, lookup ?? null, read)
    return { ref, digest: ref, slowHash: null }
  }
  const problem = slowHashProblem(source.algorithm, hash)
  if (problem !== null) return { path: `${path}/hash`, message: problem }
  return { ref: slowRef(source.id, lookup ?? ''), digest: UNPROVABLE_DIGEST, slowHash: hash }
}
