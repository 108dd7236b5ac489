import { authorizeServer, SERVER } from './access/authorize.ts'
import type { Domain } from './domain.ts'
import { newId } from './ids.ts'
import { addKey, type Issued } from './keys/issue.ts'
import { rotateKey } from './keys/rotate.ts'
import { addProject } from './projects/create.ts'
import { type Emitter, newEmitter } from './usage/record.ts'

/** The bootstrap root key is for setting up; 90 days later it is gone, and a new one can be made at the console. */
const BOOTSTRAP_LIFETIME_MS = 90 * 86_400_000

/**
 * Makes an empty database an installation: a first project with its environments, and the bootstrap root key. Null when
 * another process that started at the same time has done so: exactly one does.
 */
export async function initialize(domain: Domain): Promise<Issued | null> {
  const { value } = await domain.store.transact(SERVER, async (tx) => {
    if ((await tx.installation()) !== null) return null
    const installationId = newId('installation', domain.clock, domain.random)
    await tx.saveInstallation(null, { id: installationId, version: 1, createdAt: domain.clock(), epoch: 1 })
    await addProject(domain, tx, 'default')
    const bootstrap = await addKey(domain, tx, bootstrapKey(domain))
    tx.record({ action: 'installation.initialized', projectId: null, environment: null })
    return bootstrap
  })
  return value
}

/** Another bootstrap root key, for an operator who lost the last one: whoever can open the keystore may have it. */
export async function issueBootstrapKey(domain: Domain): Promise<Issued> {
  const { value } = await domain.store.transact(SERVER, async (tx) => {
    const bootstrap = await addKey(domain, tx, bootstrapKey(domain))
    tx.record({
      action: 'root_key.created',
      projectId: null,
      environment: null,
      details: { permissions: ['*'], versionNumber: 1 },
    })
    return bootstrap
  })
  return value
}

/**
 * A new secret for the bootstrap root key when the first start died before it could hand the key over; null in every
 * other case. Judged by what is sealed, never by a column that somebody could have changed (T-05): before the first
 * start is recorded, each leaf of the log is one version of the bootstrap key. The old secret, which somebody may have
 * seen half-written, is dead. Never while another process leads: it may be the one that is handing the key over.
 */
export async function rescueBootstrapKey(domain: Domain): Promise<Issued | null> {
  if (!domain.store.isLeader()) return null
  const filter = {
    kind: 'root',
    projectId: null,
    environment: null,
    ownerId: null,
    roleId: null,
    state: null,
    now: domain.clock(),
  } as const
  const [key] = (await domain.store.reader.keys(filter, { limit: 1, cursor: null })).items
  if (key?.version !== domain.store.head().size) return null
  const rotation = { overlapSeconds: 0, reason: 'unspecified' } as const
  return rotateKey(domain, authorizeServer<'root-keys:rotate'>(), 'root', key.id, rotation)
}

/** Leaves a trace of each start: which boot id the following events belong to, and who will tell about uses. */
export async function recordStart(domain: Domain, emitter: Emitter): Promise<void> {
  await domain.store.transact(SERVER, async (tx) => {
    await tx.saveUseEmitter(null, newEmitter(emitter, domain.clock()))
    tx.record({ action: 'server.started', projectId: null, environment: null })
  })
}

function bootstrapKey(domain: Domain) {
  return {
    kind: 'root',
    projectId: null,
    environment: null,
    ownerId: null,
    name: 'bootstrap',
    permissions: ['*'],
    expiresAt: domain.clock() + BOOTSTRAP_LIFETIME_MS,
  } as const
}
