// RFC 9745 (Deprecation), RFC 8594 (Sunset), RFC 8288 (Link)

/** That an operation should not be used any more. Times are epoch milliseconds. */
export interface Deprecation {
  readonly since: number
  /** From when on it may be gone; null: not decided. */
  readonly sunset: number | null
  /** The id of the operation that does it now. */
  readonly instead: string
}

/** What each answer of such an operation says; nothing for the others. */
export function deprecationHeaders(deprecated: Deprecation | undefined): Readonly<Record<string, string>> {
  if (deprecated === undefined) return {}
  const { since, sunset, instead } = deprecated
  return {
    deprecation: `@${Math.floor(since / 1_000)}`,
    ...(sunset === null ? {} : { sunset: new Date(sunset).toUTCString() }),
    link: `</docs#${instead}>; rel="successor-version"`,
  }
}
