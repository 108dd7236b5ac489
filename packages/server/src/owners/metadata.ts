import { DomainError } from '../errors.ts'

/** As JSON, in bytes: it is in every answer to a verification and in memory for every owner. */
const METADATA_BYTES_MAX = 2_048

/** The metadata, its names in order; `owner.metadata_too_large` beyond 2 KiB of JSON. */
export function requireMetadata(
  metadata: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const names = Object.keys(metadata).sort()
  const ordered = Object.fromEntries(names.map((name) => [name, metadata[name] ?? '']))
  if (Buffer.byteLength(JSON.stringify(ordered)) > METADATA_BYTES_MAX)
    throw new DomainError('owner.metadata_too_large')
  return ordered
}
