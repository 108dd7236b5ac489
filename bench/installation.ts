import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '@keystead/protocol/api-key'
import { authorizeServer, SERVER } from '../packages/server/src/access/authorize.ts'
import { createIntegrity } from '../packages/server/src/audit/append.ts'
import { openEpoch } from '../packages/server/src/audit/epoch.ts'
import { CheckpointPublisher } from '../packages/server/src/audit/publish.ts'
import { initialize, recordStart } from '../packages/server/src/bootstrap.ts'
import { systemClock } from '../packages/server/src/clock.ts'
import type { Domain } from '../packages/server/src/domain.ts'
import { newId, type OwnerId, type ProjectId } from '../packages/server/src/ids.ts'
import { openFileSeal } from '../packages/server/src/keystore/file.ts'
import { openKeyring } from '../packages/server/src/keystore/keyring.ts'
import { addKey, type Issued, issueKey, issueRootKey } from '../packages/server/src/keys/issue.ts'
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
/** More keys than this are made many at a time, so that making them does not take longer than measuring. */
const ONE_BY_ONE_MAX = 100_000
export const ENVIRONMENT: Environment = 'production'

/** Below what a leaf can name: fewer, larger transactions where only the keys matter and not how they were made. */
const KEYS_PER_TRANSACTION = 50

interface KeyToIssue {
  readonly projectId: ProjectId
  readonly environment: Environment
  readonly ownerId: OwnerId
  readonly name: string
  readonly permissions: readonly string[]
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
  const domain: Domain = { store, clock: systemClock, random: systemRandom, brand: 'ks' }
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
    permissions: [PERMISSION, 'chain:read', `plan-${i % PLANS}.spot:read`],
  })
  const isMany = count > ONE_BY_ONE_MAX
  const size = isMany ? KEYS_PER_TRANSACTION : 1
  for (let from = 0; from < count; from += WRITERS * size) {
    const until = Math.min(count, from + WRITERS * size)
    const starts = Array.from({ length: Math.ceil((until - from) / size) }, (_, i) => from + i * size)
    const batch = starts.map(async (start) => {
      const keys = Array.from({ length: Math.min(size, until - start) }, (_, i) => keyOf(start + i))
      return isMany
        ? issueTogether(domain, keys)
        : Promise.all(keys.map(async (key) => issueKey(domain, authorizeServer<'keys:create'>(), key)))
    })
    for (const issued of await Promise.all(batch))
      for (const { secret } of issued) secrets.push(secret.reveal())
  }
  return { projectId, ownerId: owners[0] ?? '', ownerIds: owners, gateway: gateway.secret.reveal(), secrets }
}

/** Many keys in one transaction, with the owners of an installation that was just made. */
async function issueTogether(domain: Domain, keys: readonly KeyToIssue[]): Promise<readonly Issued[]> {
  const { value } = await domain.store.transact(SERVER, async (tx) => {
    const issued: Issued[] = []
    for (const key of keys) issued.push(await addKey(domain, tx, { ...key, kind: 'key' }))
    tx.record({ action: 'key.created', projectId: null, environment: ENVIRONMENT })
    return issued
  })
  return value
}
