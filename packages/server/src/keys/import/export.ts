import type { Environment } from '@keystead/protocol/api-key'
import { UNPROVABLE_DIGEST } from '@keystead/protocol/decision'
import { type Authorized, requireEnvironment } from '../../access/authorize.ts'
import type { Domain } from '../../domain.ts'
import { DomainError } from '../../errors.ts'
import { resolveProject } from '../../projects/resolve.ts'
import { type ApiKey, type ImportAlgorithm, IMPORT_ALGORITHMS, type Page } from '../../storage/records.ts'
import type { PageRequest } from '../../storage/store.ts'
import { IMPORTED_VERSION, upgradedDigest } from './digests.ts'
import { hashContext } from './import.ts'

/**
 * What an exported hash is of: `ks-key/v1` SHA-256 of keyDigestInput, `ks-import/v1` of a foreign text and where it belongs,
 * `ks-import-ref/v1` of a foreign hash (digests.ts), or a foreign hash itself.
 */
export const EXPORT_ALGORITHMS = [
  'ks-key/v1',
  'ks-import/v1',
  'ks-import-ref/v1',
  ...IMPORT_ALGORITHMS,
] as const

export interface KeysExport {
  readonly projectId?: string
  readonly environment: Environment
  /** Whether what proves the keys goes with them. */
  readonly withHashes: boolean
}

export interface ExportedHash {
  readonly versionNumber: number
  readonly algorithm: (typeof EXPORT_ALGORITHMS)[number]
  readonly hash: string
}

export interface ExportedKey {
  readonly key: ApiKey
  /** Null when they were not asked for. */
  readonly hashes: readonly ExportedHash[] | null
}

/**
 * A page of the API keys of one environment, by id, for another system; each page is an entry in the log before it is
 * handed out. `project.required`, `project.not_found`, `access.denied` for another environment than the credential's.
 */
export async function exportKeys(
  domain: Domain,
  by: Authorized<'keys:export'>,
  { projectId: named, environment, withHashes }: KeysExport,
  page: PageRequest,
): Promise<Page<ExportedKey>> {
  requireEnvironment(by.reach, environment)
  const { store } = domain
  const { value: projectId } = await store.transact(by.provenance, async (tx) =>
    resolveProject(tx, by.reach, named),
  )
  const filter = { kind: 'issued', projectId, environment, ownerId: null, roleId: null, state: null } as const
  const { items: keys, nextCursor } = await store.reader.keys({ ...filter, now: domain.clock() }, page)
  const items = withHashes
    ? await withHashesOf(domain, keys)
    : keys.map((key): ExportedKey => ({ key, hashes: null }))
  const range = { first: keys.at(0)?.id ?? null, last: keys.at(-1)?.id ?? null }
  await store.transact(by.provenance, async (tx) =>
    tx.record({
      action: 'key.exported',
      projectId,
      environment,
      details: { withHashes, keys: keys.length, ...range },
    }),
  )
  return { items, nextCursor }
}

async function withHashesOf(domain: Domain, keys: readonly ApiKey[]): Promise<readonly ExportedKey[]> {
  const algorithms = new Map<string, ImportAlgorithm>()
  for (const { imported } of keys) {
    if (imported === null || algorithms.has(imported.sourceId)) continue
    const source = await domain.store.reader.importSource(imported.sourceId)
    if (source === null) throw new DomainError('storage.integrity')
    algorithms.set(source.id, source.algorithm)
  }
  return keys.map((key) => {
    const algorithm = key.imported === null ? null : algorithms.get(key.imported.sourceId)
    const hashes = key.versions.map((version): ExportedHash => {
      const { number: versionNumber, digest } = version
      if (versionNumber !== IMPORTED_VERSION || algorithm === null || algorithm === undefined)
        return { versionNumber, algorithm: 'ks-key/v1', hash: digest }
      if (digest === UNPROVABLE_DIGEST) return { versionNumber, algorithm, hash: foreignHash(domain, key) }
      const isUpgraded = upgradedDigest(key) !== null
      return { versionNumber, algorithm: isUpgraded ? 'ks-import/v1' : 'ks-import-ref/v1', hash: digest }
    })
    return { key, hashes }
  })
}

function foreignHash({ cipher }: Domain, { id, imported }: ApiKey): string {
  const sealed = imported?.hash ?? null
  const hash = sealed === null ? null : cipher.decrypt(hashContext(id), sealed)
  if (hash === null) throw new DomainError('storage.integrity')
  return Buffer.from(hash).toString()
}
