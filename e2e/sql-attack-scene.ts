import { createHmac, scryptSync } from 'node:crypto'
import { parseAddress } from '@keystead/protocol/address'
import type { Environment } from '@keystead/protocol/api-key'
import { type Decision, decide, type VerificationCode } from '@keystead/protocol/decision'
import { parsePermissionQuery } from '@keystead/protocol/permission-query'
import type { Domain } from '../packages/server/src/domain.ts'
import { hashText } from '../packages/server/src/hash.ts'
import { bulk } from '../packages/server/src/keys/bulk/bulk.test-support.ts'
import { undoBulkOperation } from '../packages/server/src/keys/bulk/undo.ts'
import type { Issued } from '../packages/server/src/keys/issue.ts'
import {
  aKey,
  anOwner,
  aRole,
  aRootKey,
  rotated,
  suspended,
} from '../packages/server/src/keys/keys.test-support.ts'
import { aSource, imported } from '../packages/server/src/keys/import/import.test-support.ts'
import { SlowHashes } from '../packages/server/src/keys/import/slow/pool.ts'
import { Upgrades } from '../packages/server/src/keys/import/upgrades.ts'
import { revokeKey } from '../packages/server/src/keys/revoke.ts'
import { updateKey } from '../packages/server/src/keys/update.ts'
import { updateOwner } from '../packages/server/src/owners/update.ts'
import { createProject } from '../packages/server/src/projects/create.ts'
import { updateRole } from '../packages/server/src/roles/update.ts'
import type { ProjectId } from '../packages/server/src/ids.ts'
import type { Store } from '../packages/server/src/storage/store.ts'
import { ForeignTexts } from '../packages/server/src/verify/foreign.ts'
import type { KeyIndex } from '../packages/server/src/verify/index.ts'
import { DAY, type FakeClock, HOUR, may, START } from '../packages/server/src/world.test-support.ts'
import type { Attacker, Row } from './sql-attacker.ts'
import { LogOracle } from './sql-attack-oracle.ts'

/** A server without HTTP, as the attacks need it. */
export interface Server {
  readonly store: Store
  readonly domain: Domain
  readonly index: KeyIndex
  readonly clock: FakeClock
  readonly projectId: ProjectId
  /** Looks at the new leaves and signs. */
  publish(): Promise<unknown>
  close(): Promise<void>
}

/** After everything in the scene has happened, and before what is to come. */
export const NOW = START + 2 * HOUR
/** Behind the undo window of every bulk operation. */
export const LATER = NOW + 2 * HOUR
const UNDO_SECONDS = 3 * 3_600

/** Every way in which a key can be other than simply valid, and a few that are. */
const CAST = [
  'weak',
  'strong',
  'revoked',
  'compromised',
  'suspended',
  'expired',
  'early',
  'addressed',
  'roled',
  'rotated',
  'successor',
  'staging',
  'foreign',
  'narrowed',
  'bystander',
  'frozen',
  'condemned',
  'returned',
  'imported',
  'dropped',
  'root',
] as const
export type Part = (typeof CAST)[number]

/** One key of the cast: who presents it is served according to `text`. */
export interface Member {
  readonly id: string
  readonly text: string
  readonly kind: 'key' | 'root'
}

export interface Scene {
  readonly cast: Readonly<Record<Part, Member>>
  readonly roleId: string
  readonly ownerIds: readonly string[]
  readonly projectIds: readonly ProjectId[]
  readonly bulk: BulkIds
  /** Where `imported`, and `dropped`, which was revoked since, come from. */
  readonly sourceId: string
  /** A key with a slow hash. */
  readonly slowId: string
  /** Every table as it was before keys were revoked, suspended, rotated, narrowed. */
  readonly earlier: Readonly<Record<string, readonly Row[]>>
  readonly oracle: LogOracle
}

/** Bulk operations over one key each: two wait for the end of their undo window, one was undone. */
export interface BulkIds {
  /** Has suspended `frozen`. */
  readonly suspension: string
  /** Has suspended `condemned`, to be revoked at the end of the window. */
  readonly revocation: string
  /** Had suspended `returned`, to be revoked. */
  readonly undone: string
}

/** One question put to a server, and what it answered. */
export interface Answer {
  readonly part: Part
  readonly question: Question
  readonly code: VerificationCode
}

export interface Question {
  readonly permission: string | null
  readonly address: string | null
  readonly environment: Environment
  readonly projectId: string
}

/** Fills an empty installation, and keeps what an attacker would have kept of it meanwhile. */
export async function setScene(server: Server, attacker: Attacker): Promise<Scene> {
  const { domain, clock } = server
  const role = await aRole(server, { permissions: ['market:read', 'orders:read'] })
  const other = await createProject(domain, may('projects:create'), { name: 'other' })
  const [one, two] = [await anOwner(server), await anOwner(server)]
  const ownerId = one.id
  const strong = await aKey(server, { ownerId: two.id, permissions: ['*'] })
  const revoked = await aKey(server, { ownerId, permissions: ['*'] })
  const compromised = await aKey(server, { ownerId })
  const waiting = await aKey(server, { ownerId })
  const expired = await aKey(server, { ownerId, permissions: ['*'] })
  const addressed = await aKey(server, { ownerId, permissions: ['*'], allowedAddresses: ['10.0.0.0/8'] })
  const roled = await aKey(server, { ownerId, permissions: ['*'], roles: [role.id] })
  const before = await aKey(server, { ownerId })
  const narrowed = await aKey(server, { ownerId, permissions: ['*'] })
  const foreign = await aKey({ ...server, projectId: other.id }, { permissions: ['*'] })
  const others = {
    weak: await aKey(server, { ownerId }),
    early: await aKey(server, { ownerId, notBefore: START + 10 * DAY }),
    staging: await aKey(server, { ownerId, environment: 'staging', permissions: ['*'] }),
    bystander: await aKey(server),
    frozen: await aKey(server, { ownerId }),
    condemned: await aKey(server, { ownerId }),
    returned: await aKey(server, { ownerId }),
  }
  const undone = await bulkOver(server, 'revoke', others.returned)
  const source = await aSource(server, { algorithm: 'hmac-sha256', secret: 'pepper' })
  const texts = { imported: 'old-1', dropped: 'old-2' }
  const [kept, dropped] = [
    await imported(server, source, { hash: hmac(texts.imported) }),
    await imported(server, source, { hash: hmac(texts.dropped) }),
  ]
  const lookup = { separator: '.', occurrence: 1 }
  const slowSource = await aSource(server, { algorithm: 'scrypt', lookup })
  const [slow] = await imported(server, slowSource, { hash: scrypt('a.b'), lookup: 'a' })
  const root = await aRootKey(server, { permissions: ['keys:verify'], expiresAt: START + 10 * DAY })
  await server.publish()
  const earlier = await attacker.everything()
  clock.advance(1_000)
  await revokeKey(domain, may('keys:revoke'), 'issued', revoked.key.id, 'superseded')
  await revokeKey(domain, may('keys:revoke'), 'issued', compromised.key.id, 'keyCompromise')
  await revokeKey(domain, may('keys:revoke'), 'issued', dropped[0]?.keyId ?? '', 'superseded')
  await suspended(server, waiting.key.id)
  await updateKey(domain, may('keys:update'), 'issued', expired.key.id, { expiresAt: START + HOUR })
  await updateKey(domain, may('keys:update'), 'issued', narrowed.key.id, { permissions: ['market:read'] })
  const after = await rotated(server, before.key.id, 0)
  await updateRole(domain, may('roles:update'), role.id, { permissions: ['market:read', '!funds:withdraw'] })
  await updateOwner(domain, may('owners:update'), one.id, { name: 'renamed' })
  await undoBulkOperation(domain, may('bulk-operations:undo'), undone)
  const suspension = await bulkOver(server, 'suspend', others.frozen)
  const revocation = await bulkOver(server, 'revoke', others.condemned)
  await server.publish()
  clock.now = NOW
  const issued = { strong, revoked, compromised, suspended: waiting, expired, addressed, roled, narrowed }
  const oracle = await LogOracle.read(server.store)
  return {
    cast: {
      ...members({ ...issued, ...others, foreign, rotated: before }),
      successor: { id: before.key.id, text: after.secret.reveal(), kind: 'key' },
      imported: { id: kept[0]?.keyId ?? '', text: texts.imported, kind: 'key' },
      dropped: { id: dropped[0]?.keyId ?? '', text: texts.dropped, kind: 'key' },
      root: { id: root.key.id, text: root.secret.reveal(), kind: 'root' },
    },
    ...{ roleId: role.id, ownerIds: [one.id, two.id], projectIds: [server.projectId, other.id] },
    ...{ bulk: { suspension, revocation, undone }, earlier, oracle },
    ...{ sourceId: source.id, slowId: slow?.keyId ?? '' },
  }
}

async function bulkOver(server: Server, action: 'suspend' | 'revoke', { key }: Issued): Promise<string> {
  const query = { keyIds: [key.id] }
  return (await bulk(server, { action, query, undoSeconds: UNDO_SECONDS })).id
}

function members<Name extends string>(issued: Readonly<Record<Name, Issued>>): Record<Name, Member> {
  const entries = Object.entries<Issued>(issued).map(([name, { key, secret }]) => [
    name,
    { id: key.id, text: secret.reveal(), kind: 'key' },
  ])
  return Object.fromEntries(entries) as Record<Name, Member>
}

/** Asks about every key of the cast in every project and environment, for each permission and address that matters. */
export function askAll(server: Server, scene: Scene): Answer[] {
  const answers: Answer[] = []
  for (const part of CAST)
    for (const projectId of scene.projectIds)
      for (const environment of ['production', 'staging'] as const)
        for (const permission of [null, 'market:read', 'orders:read', 'funds:withdraw'])
          for (const address of ['10.1.2.3', '192.0.2.1', null]) {
            const question = { permission, address, environment, projectId }
            const { code } = ask(server, scene.cast[part], question)
            answers.push({ part, question, code })
          }
  return answers
}

function ask(server: Server, member: Member, question: Question): Decision {
  const { permission, address, environment } = question
  const projectId = question.projectId as ProjectId
  const placed = {
    text: member.text,
    kind: member.kind,
    ...{ projectId, environment, now: server.clock.now },
    permission: permission === null ? null : parsePermissionQuery(permission).query,
    address: address === null ? null : parseAddress(address),
  }
  const native = decide(placed, (locator) => server.index.lookup(locator), hashText)
  if (native.record !== null || member.kind === 'root') return native
  const decision = foreignTexts(server).decide(placed)
  if (decision instanceof Promise) throw new Error('nobody of the cast has a slow hash')
  return decision
}

function foreignTexts({ domain, index }: Server): ForeignTexts {
  const upgrades = new Upgrades(domain, () => undefined)
  return new ForeignTexts({ domain, index, slowHashes: new SlowHashes(), upgrades })
}

function scrypt(text: string): string {
  const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')
  const salt = Buffer.alloc(16, 7)
  return `$scrypt$ln=4,r=8,p=1$${base64(salt)}$${base64(scryptSync(text, salt, 32, { cost: 16 }))}`
}

function hmac(text: string): string {
  return createHmac('sha256', 'pepper').update(text).digest('hex')
}
