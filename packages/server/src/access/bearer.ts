const BEARER = /^Bearer ([!-~]{1,256})$/i

/** The credential in an `Authorization: Bearer` field (RFC 6750 section 2.1); null when it carries none. */
export function bearerOf(authorization: string | undefined): string | null {
  return authorization === undefined ? null : (BEARER.exec(authorization)?.[1] ?? null)
}
