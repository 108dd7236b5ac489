/**
 * What an imported key is found and proven by, each a base64url SHA-256 (43 characters) over a text that says what it is
 * of: a digest of one kind is never one of another, and one environment's are never another's.
 */
import type { Environment } from '@keystead/protocol/api-key'
import { hashText } from '../../hash.ts'
import type { ApiKey } from '../../storage/records.ts'

/** The number of the version that an import makes. */
export const IMPORTED_VERSION = 1

/** Of a whole foreign text, once it has been presented: what an imported key is upgraded to. */
export function textDigest(
  { projectId, environment }: { readonly projectId: string; readonly environment: Environment },
  text: string,
): string {
  return hashText(`ks-import/v1\n${projectId}\n${environment}\n${text}`)
}

/** Of a fast foreign hash, base64url, with the look-up part where it was not hashed itself. */
export function fastRef(sourceId: string, lookup: string | null, hash: string): string {
  return hashText(`ks-import-ref/v1\n${sourceId}\n${hash}\n${lookup ?? ''}`)
}

/** Of the look-up part of a foreign text with a slow hash. */
export function slowRef(sourceId: string, lookup: string): string {
  return hashText(`ks-import-lookup/v1\n${sourceId}\n${lookup}`)
}

/** The version that an import made; undefined when it is gone. */
export function importedVersion<Version extends { readonly number: number }>({
  versions,
}: {
  readonly versions: readonly Version[]
}): Version | undefined {
  return versions.find(({ number }) => number === IMPORTED_VERSION)
}

/** The digest that an imported key is proven by once it has been upgraded; null before, and when that version is gone. */
export function upgradedDigest(key: Pick<ApiKey, 'imported' | 'versions'>): string | null {
  if (key.imported === null || key.imported.upgradedIn === null) return null
  return importedVersion(key)?.digest ?? null
}
