import type { Decision } from '@keystead/protocol/decision'
import type { ImportSource } from '../../storage/records.ts'
import { type Installation, may } from '../../world.test-support.ts'
import { type Place, verify } from '../../verify/verifier.ts'
import { type ImportedItem, importKeys } from './import.ts'
import type { ImportItem } from './item.ts'
import { createImportSource, type NewImportSource } from './source.ts'

type Home = Pick<Installation, 'domain' | 'projectId'>

let serial = 0

/** A source of production, of texts by their SHA-256 unless said otherwise. */
export async function aSource(world: Home, input: Partial<NewImportSource> = {}): Promise<ImportSource> {
  serial += 1
  return createImportSource(world.domain, may('import-sources:create'), {
    projectId: world.projectId,
    environment: 'production',
    name: `old-${serial}`,
    algorithm: 'sha256',
    ...input,
  })
}

/** Imports keys with `market:read`, and their owners, unless said otherwise. */
export async function imported(
  world: Home,
  source: ImportSource,
  ...items: (Partial<ImportItem> & Pick<ImportItem, 'hash'>)[]
): Promise<readonly ImportedItem[]> {
  return importKeys(world.domain, may('keys:import'), {
    sourceId: source.id,
    createOwners: true,
    items: items.map((item) => ({ ownerExternalId: 'acme', permissions: ['market:read'], ...item })),
  })
}

/** What a service in production is answered about a text. */
export async function presented(
  world: Installation,
  text: string,
  { permission = null, ...place }: Partial<Place> & { readonly permission?: string | null } = {},
): Promise<Decision> {
  const where = { projectId: world.projectId, environment: 'production', ...place } as const
  return verify(world.verifier, where, { text, permission, address: null, path: '/body' })
}
