import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '@keystead/protocol/api-key'
import { authorizeServer } from '../packages/server/src/access/authorize.ts'
import { createIntegrity } from '../packages/server/src/audit/append.ts'
import { openEpoch } from '../packages/server/src/audit/epoch.ts'
import { CheckpointPublisher } from '../packages/server/src/audit/publish.ts'
import { initialize, recordStart } from '../packages/server/src/bootstrap.ts'
import { systemClock } from '../packages/server/src/clock.ts'
import type { Domain } from '../packages/server/src/domain.ts'
import { newId, type OwnerId, type ProjectId } from '../packages/server/src/ids.ts'
import { openFileSeal } from '../packages/server/src/keystore/file.ts'
import { openKeyring } from '../packages/server/src/keystore/keyring.ts'
import { issueKey, issueRootKey } from '../packages/server/src/keys/issue.ts'
import { createOwner } from '../packages/server/src/owners/create.ts'
import { listProjects } from '../packages/server/src/projects/read.ts'
import { systemRandom } from '../packages/server/src/random.ts'
import { openDatabase } from '../packages/server/src/storage/sqlite/open.ts'
import { openSqliteStore } from '../packages/server/src/storage/sqlite/store.ts'

const DAY_MS = 86_400_000
/** Enough logical transactions to fill every group commit. */
const WRITERS = 256
/** What the verifications ask for. */
export const PERMISSION = 'market:read'
/** Customers share a price list: so many different lists of permissions. */
const PLANS = 50
export const ENVIRONMENT: Environment = 'production'

/** What the key with this number may do. */
export function permissionsOf(i: number): readonly string[] {
  return [PERMISSION, 'chain:read', `plan-${i % PLANS}.spot:read`]
}

/** What a benchmark needs to know of the data folder that it has made. */
export interface Installation {
  readonly bootstrap: string
  readonly projectId: string
  readonly ownerId: string
  readonly ownerIds: readonly string[]
  /** A root key bound to the project and production, with keys:verify and nothing else. */
  readonly gateway: string
  readonly secrets: readonly string[]
}

/**
 * Makes a data folder with `count` API keys, a hundred to an owner, through the server's own store and domain
 * functions, signed checkpoint included: what a server that had issued them over HTTP would have left.
 */
export async function makeInstallation(dataDir: string, count: number): Promise<Installation> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const seal = await openFileSeal({ dataDir, passphraseFile: null, random: systemRandom }, true)
  using root = await seal.unseal()
  const keyring = openKeyring(root)
  const boot = newId('boot', systemClock, systemRandom)
  const integrity = createIntegrity({
    keyring,
    clock: systemClock,
    random: systemRandom,
    boot,
    node: 'bench',
  })
  const store = await openSqliteStore(openDatabase(dataDir), integrity)
  const domain: Domain = { store, clock: systemClock, random: systemRandom, cipher: keyring, brand: 'ks' }
  const bootstrap = await initialize(domain)
  await recordStart(domain, { boot, node: 'bench' })
  const made = await fill(domain, count)
  const guardFile = join(dataDir, 'checkpoint.guard')
  const publicKey = keyring.checkpointPublicKey
  const origin = await openEpoch({ store, guardFile, publicKey, acceptRollback: false })
  await CheckpointPublisher.open({ store, keyring, origin, guardFile, log: () => undefined })
  await store.close()
  return { bootstrap: bootstrap?.secret.reveal() ?? '', ...made }
}

async function fill(domain: Domain, count: number): Promise<Omit<Installation, 'bootstrap'>> {
  const page = { limit: 1, cursor: null }
  const { items } = await listProjects(domain, authorizeServer<'projects:read'>(), page)
  const projectId = items[0]?.id ?? ''
  const gateway = await issueRootKey(domain, authorizeServer<'root-keys:create'>(), {
    projectId,
    environment: ENVIRONMENT,
    name: 'gateway',
    permissions: ['keys:verify'],
    expiresAt: domain.clock() + DAY_MS,
  })
  const owners: string[] = []
  for (let i = 0; i === 0 || i < count / 100; i++) {
    const owner = { projectId, externalId: `customer-${i}`, name: `Customer ${i}` }
    owners.push((await createOwner(domain, authorizeServer<'owners:create'>(), owner)).id)
  }
  const secrets: string[] = []
  const keyOf = (i: number) => ({
    ...{ projectId: projectId as ProjectId, environment: ENVIRONMENT, name: `key ${i}` },
    ownerId: (owners[i % owners.length] ?? '') as OwnerId,
    permissions: permissionsOf(i),
  })
  for (let from = 0; from < count; from += WRITERS) {
    const batch = Array.from({ length: Math.min(WRITERS, count - from) }, async (_, i) =>
      issueKey(domain, authorizeServer<'keys:create'>(), keyOf(from + i)),
    )
    for (const { secret } of await Promise.all(batch)) secrets.push(secret.reveal())
  }
  return { projectId, ownerId: owners[0] ?? '', ownerIds: owners, gateway: gateway.secret.reveal(), secrets }
}
