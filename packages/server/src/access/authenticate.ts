import { decide, type KeyRecord } from '@keystead/protocol/decision'
import { hashText } from '../hash.ts'
import type { KeyId, ProjectId } from '../ids.ts'
import type { Caller } from './authorize.ts'

/**
 * The caller that a presented root key proves, or null for every other text: unknown, expired, revoked, not a root key.
 * Kept and verified like any key, from memory.
 */
export function authenticate(
  text: string,
  lookup: (locator: string) => KeyRecord | undefined,
  now: number,
): Caller | null {
  const question = { text, kind: 'root', projectId: null, environment: null, permission: null, now } as const
  const { code, record } = decide(question, lookup, hashText)
  if (code !== 'VALID' || record === null) return null
  return {
    keyId: record.keyId as KeyId,
    reach: { projectId: record.projectId as ProjectId | null, environment: record.environment },
    grants: record.grants,
  }
}

const BEARER = /^Bearer ([!-~]{1,256})$/i

/** The credential in an `Authorization: Bearer` field (RFC 6750 section 2.1); null when it carries none. */
export function bearerOf(authorization: string | undefined): string | null {
  return authorization === undefined ? null : (BEARER.exec(authorization)?.[1] ?? null)
}
