// RFC 9110 sections 8.8.3 (ETag) and 13.1.1 (If-Match)
import { DomainError } from '../errors.ts'

/** The entity tag of the one object that an answer shows, by its version; null for lists and other answers. */
export function entityTagOf(answer: unknown): string | null {
  const { version, key } = (answer ?? {}) as {
    readonly version?: unknown
    readonly key?: { version?: unknown }
  }
  const shown = version ?? key?.version
  return Number.isSafeInteger(shown) ? `"${String(shown)}"` : null
}

/**
 * The version that a request wants an object to have; null for none and for `*`. `request.invalid` for what is no strong
 * tag of ours: a weak one never matches, and of several nobody could say which was meant.
 */
export function versionIn(ifMatch: string | undefined): number | null {
  if (ifMatch === undefined || ifMatch.trim() === '*') return null
  const version = /^"([1-9]\d{0,14})"$/.exec(ifMatch.trim())?.[1]
  if (version !== undefined) return Number(version)
  const message = 'must be one entity tag as an answer gave it, such as "3", or *'
  throw new DomainError('request.invalid', null, { errors: [{ path: '/headers/if-match', message }] })
}
