// What somebody who can change the database by SQL may try, on either database, and what must come of it.
import assert from 'node:assert/strict'
import { parseAddress } from '@keystead/protocol/address'
import { decide, type VerificationCode } from '@keystead/protocol/decision'
import type { Domain } from '../domain.ts'
import { StartError } from '../errors.ts'
import { hashText } from '../hash.ts'
import type { ProjectId } from '../ids.ts'
import { type Issued, issueKey } from '../keys/issue.ts'
import { revokeKey } from '../keys/revoke.ts'
import { rotateKey } from '../keys/rotate.ts'
import { suspendKey } from '../keys/suspend.ts'
import { updateKey } from '../keys/update.ts'
import { createOwner } from '../owners/create.ts'
import { updateOwner } from '../owners/update.ts'
import { createProject } from '../projects/create.ts'
import { createRole } from '../roles/create.ts'
import { deactivateRole, updateRole } from '../roles/update.ts'
import type { KeyIndex } from '../verify/index.ts'
import { type FakeClock, HOUR, may } from '../world.test-support.ts'

/** A server over a database that somebody else can reach. */
export interface Victim {
  readonly domain: Domain
  readonly index: KeyIndex
  readonly clock: FakeClock
  readonly projectId: ProjectId
  /** Runs statements as somebody who may do everything, also what triggers forbid. */
  sql(statements: string): Promise<void>
  /** Reads one value. */
  value(query: string): Promise<string>
  /** `table row` of every alarm so far. */
  alarms(): Promise<readonly string[]>
  /** Stops this server and starts another one on the same database. */
  restart(): Promise<Victim>
}

/** Ids of what the attacks are aimed at. */
interface Scene {
  readonly keys: Readonly<Record<KeyName, Issued>>
  readonly otherProject: string
  readonly role: string
  readonly ended: string
  readonly owner: string
  readonly environment: string
  /** When the overlap of `ending` was over. */
  readonly endedAt: number
}
const KEY_NAMES = [
  'plain',
  'strong',
  'revoked',
  'suspended',
  'expired',
  'early',
  'staging',
  'bound',
  'narrowed',
  'roled',
  'ending',
] as const
type KeyName = (typeof KEY_NAMES)[number]

export interface Attack {
  readonly name: string
  readonly sql: (scene: Scene) => string
  /** What the sweep, a read or the next start names: `table row`; null where nothing is decided by what was changed. */
  readonly names: ((scene: Scene) => string) | null
  /** The next start is refused instead, with this in its message. */
  readonly refusesStart?: RegExp
}

const onKey =
  (set: string, name: KeyName) =>
  (scene: Scene): string =>
    `UPDATE api_key SET ${set} WHERE id = '${scene.keys[name].key.id}'`
const namesKey =
  (name: KeyName) =>
  (scene: Scene): string =>
    `api_key ${scene.keys[name].key.id}`
const putBack = (table: string, id: string): string =>
  `DELETE FROM ${table} WHERE id = '${id}'; INSERT INTO ${table} SELECT * FROM earlier_${table} WHERE id = '${id}'`
const from =
  (columns: string, source: KeyName, target: KeyName) =>
  (scene: Scene): string =>
    columns
      .split(', ')
      .map(
        (column) =>
          `UPDATE api_key SET ${column} = (SELECT ${column} FROM api_key WHERE id = '${scene.keys[source].key.id}') WHERE id = '${scene.keys[target].key.id}'`,
      )
      .join('; ')

/** Distinct ways; each is tried while the server runs and across a restart. */
export const ATTACKS: readonly Attack[] = [
  {
    name: 'widen the permissions of a key',
    sql: onKey(`permissions = '["*"]'`, 'plain'),
    names: namesKey('plain'),
  },
  {
    name: 'undo a revocation',
    sql: onKey(`state = 'active', revoked_at = NULL, revocation_reason = NULL`, 'revoked'),
    names: namesKey('revoked'),
  },
  { name: 'undo a suspension', sql: onKey(`state = 'active'`, 'suspended'), names: namesKey('suspended') },
  {
    name: 'let an expired key live on',
    sql: onKey('expires_at = NULL', 'expired'),
    names: namesKey('expired'),
  },
  { name: 'let a key begin early', sql: onKey('not_before = NULL', 'early'), names: namesKey('early') },
  {
    name: 'move a key to production',
    sql: onKey(`environment = 'production'`, 'staging'),
    names: namesKey('staging'),
  },
  {
    name: 'move a key to another project',
    sql: (scene) => onKey(`project_id = '${scene.otherProject}'`, 'plain')(scene),
    names: namesKey('plain'),
  },
  {
    name: 'give a key any address',
    sql: onKey('allowed_addresses = NULL', 'bound'),
    names: namesKey('bound'),
  },
  {
    name: 'give a key a role',
    sql: (scene) => onKey(`roles = '["${scene.role}"]'`, 'plain')(scene),
    names: namesKey('plain'),
  },
  {
    name: 'let a rotated secret live on',
    sql: (scene) => onKey(`versions = replace(versions, ',${scene.endedAt}]', ',null]')`, 'ending')(scene),
    names: namesKey('ending'),
  },
  {
    name: 'swap permissions and MAC between keys',
    sql: from('permissions, mac', 'strong', 'plain'),
    names: namesKey('plain'),
  },
  {
    name: 'put the secret of one key on another',
    sql: from('versions', 'plain', 'strong'),
    names: namesKey('strong'),
  },
  {
    name: 'put a whole row in the place of another',
    sql: from('permissions, versions, state, mac, version', 'strong', 'revoked'),
    names: namesKey('revoked'),
  },
  {
    name: 'put back the row from before a revocation',
    sql: (scene) => putBack('api_key', scene.keys.revoked.key.id),
    names: namesKey('revoked'),
  },
  {
    name: 'put back the row from before permissions were taken',
    sql: (scene) => putBack('api_key', scene.keys.narrowed.key.id),
    names: namesKey('narrowed'),
  },
  {
    name: 'put back the row from before a rotation',
    sql: (scene) => putBack('api_key', scene.keys.ending.key.id),
    names: namesKey('ending'),
  },
  {
    name: 'delete the row of a revoked key',
    sql: (scene) => `DELETE FROM api_key WHERE id = '${scene.keys.revoked.key.id}'`,
    names: namesKey('revoked'),
  },
  {
    name: 'invent a key from a copy',
    sql: (scene) =>
      `CREATE TABLE invented AS SELECT * FROM api_key WHERE id = '${scene.keys.strong.key.id}';
       UPDATE invented SET id = '${invented(scene)}', locator = 'abcdefabcdef'; INSERT INTO api_key SELECT * FROM invented; DROP TABLE invented`,
    names: (scene) => `api_key ${invented(scene)}`,
  },
  {
    name: 'widen a role',
    sql: (scene) => `UPDATE role SET permissions = '["*"]' WHERE id = '${scene.role}'`,
    names: (scene) => `role ${scene.role}`,
  },
  {
    name: 'put back a role from before it was narrowed',
    sql: (scene) => putBack('role', scene.role),
    names: (scene) => `role ${scene.role}`,
  },
  {
    name: 'bring a deactivated role back',
    sql: (scene) => putBack('role', scene.ended),
    names: (scene) => `role ${scene.ended}`,
  },
  {
    name: 'delete a role',
    sql: (scene) => `DELETE FROM role WHERE id = '${scene.ended}'`,
    names: (scene) => `role ${scene.ended}`,
  },
  {
    name: 'move an owner to another project',
    sql: (scene) => `UPDATE owner SET project_id = '${scene.otherProject}' WHERE id = '${scene.owner}'`,
    names: (scene) => `owner ${scene.owner}`,
  },
  {
    name: 'put back the metadata of an owner',
    sql: (scene) => putBack('owner', scene.owner),
    names: (scene) => `owner ${scene.owner}`,
  },
  {
    name: 'rename a project',
    sql: (scene) => `UPDATE project SET name = 'x' WHERE id = '${scene.otherProject}'`,
    names: (scene) => `project ${scene.otherProject}`,
  },
  {
    name: 'let holders rotate their keys',
    sql: (scene) =>
      `UPDATE environment SET policy = '{"selfRotation":true}' WHERE id = '${scene.environment}'`,
    names: (scene) => `environment ${scene.environment}`,
  },
  {
    name: 'set the sealed head of the log back',
    sql: () => 'UPDATE audit_head SET size = size - 1',
    names: null,
    refusesStart: /head( of the log)? was changed/,
  },
  {
    name: 'delete the last leaf',
    sql: () => 'DELETE FROM audit_entry WHERE position = (SELECT max(position) FROM audit_entry)',
    names: null,
    refusesStart: /leaf \d+ is missing/,
  },
  {
    name: 'edit a leaf',
    sql: () => `UPDATE audit_entry SET leaf = leaf_hash WHERE position = 2`,
    names: () => 'audit_entry 2',
    refusesStart: /leaf 2 was not written by this server/,
  },
  {
    name: 'append a copy of a leaf',
    sql: () =>
      'INSERT INTO audit_entry SELECT (SELECT max(position) + 1 FROM audit_entry), leaf, leaf_hash, action FROM audit_entry WHERE position = 1',
    names: null,
    refusesStart: /leaf \d+ was added/,
  },
  {
    name: 'reorder two leaves',
    sql: () =>
      'UPDATE audit_entry SET position = -position - 1 WHERE position IN (2, 3); UPDATE audit_entry SET position = CASE position WHEN -3 THEN 3 ELSE 2 END WHERE position < 0',
    names: null,
    refusesStart: /leaf \d+ does not follow|its root( at size \d+)? is another/,
  },
  {
    name: 'blank a node of the tree',
    sql: () =>
      'UPDATE audit_node SET hash = (SELECT hash FROM audit_node WHERE level = 1 AND idx = 0) WHERE level = 1 AND idx = 1',
    names: () => 'audit_node 1/1',
  },
  { name: 'forget which leaf is about which object', sql: () => 'DELETE FROM audit_target', names: null },
  { name: 'forget all counts of use', sql: () => 'DELETE FROM key_use', names: null },
  { name: 'forget all checkpoints', sql: () => 'DELETE FROM audit_checkpoint', names: null },
]

function invented(scene: Scene): string {
  const { id } = scene.keys.strong.key
  return `${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}`
}

/** Everything that the attacks are aimed at, with earlier states of its rows kept by the attacker. */
async function stage(victim: Victim): Promise<Scene> {
  const { domain, projectId, clock } = victim
  const other = await createProject(domain, may('projects:create'), { name: 'other' })
  const owner = await createOwner(domain, may('owners:create'), {
    projectId,
    externalId: 'customer',
    metadata: { tier: 'gold' },
  })
  const role = (name: string) =>
    createRole(domain, may('roles:create'), {
      projectId,
      name,
      permissions: ['orders:trade', 'funds:withdraw'],
    })
  const [kept, ended] = [await role('kept'), await role('ended')]
  const issue = async (change: object = {}): Promise<Issued> =>
    issueKey(domain, may('keys:create'), {
      ...{ projectId, environment: 'production', ownerId: owner.id, permissions: ['market:read'] },
      ...change,
    })
  const keys = {
    plain: await issue(),
    strong: await issue({ permissions: ['*'] }),
    revoked: await issue(),
    suspended: await issue(),
    expired: await issue({ expiresAt: clock.now + 1 }),
    early: await issue({ notBefore: clock.now + 1_000 * HOUR }),
    staging: await issue({ environment: 'staging' }),
    bound: await issue({ allowedAddresses: ['203.0.113.7'] }),
    narrowed: await issue({ permissions: ['funds:withdraw', 'market:read'] }),
    roled: await issue({ roles: [kept.id, ended.id] }),
    ending: await issue(),
  }
  for (const table of ['api_key', 'role', 'owner'])
    await victim.sql(`CREATE TABLE earlier_${table} AS SELECT * FROM ${table}`)
  clock.advance(1_000)
  const id = (name: KeyName): string => keys[name].key.id
  await revokeKey(domain, may('keys:revoke'), 'issued', id('revoked'), 'keyCompromise')
  await suspendKey(domain, may('keys:suspend'), 'issued', id('suspended'), 'unspecified')
  await updateKey(domain, may('keys:update'), 'issued', id('narrowed'), { permissions: ['market:read'] })
  await rotateKey(domain, may('keys:rotate'), 'issued', id('ending'), {
    overlapSeconds: 0,
    reason: 'unspecified',
  })
  await updateRole(domain, may('roles:update'), kept.id, { permissions: ['orders:trade'] })
  await deactivateRole(domain, may('roles:deactivate'), ended.id)
  await updateOwner(domain, may('owners:update'), owner.id, { metadata: { tier: 'none' } })
  const environment = await victim.value(
    `SELECT id FROM environment WHERE environment = 'production' AND project_id = '${projectId}'`,
  )
  const endedAt = clock.now
  return {
    keys,
    otherProject: other.id,
    role: kept.id,
    ended: ended.id,
    owner: owner.id,
    environment,
    endedAt,
  }
}

const QUESTIONS = ['market:read', 'orders:trade', 'funds:withdraw', 'anything:else', null] as const

/** The answer to every question about every key: what the log justifies, when asked before an attack. */
function answers({ index, clock, projectId }: Victim, scene: Scene): Map<string, VerificationCode> {
  const all = new Map<string, VerificationCode>()
  for (const name of KEY_NAMES) {
    for (const permission of QUESTIONS) {
      for (const from of ['203.0.113.7', '198.51.100.1']) {
        const question = {
          text: scene.keys[name].secret.reveal(),
          kind: 'key',
          projectId,
          environment: 'production',
        } as const
        const asked = { ...question, permission, address: parseAddress(from), now: clock.now }
        const { code } = decide(asked, (locator) => index.lookup(locator), hashText)
        all.set(`${name} ${permission ?? 'nothing'} from ${from}`, code)
      }
    }
  }
  return all
}

/**
 * That nothing is VALID now which was not before, and that what was VALID still is, but for the one key that an attack
 * was aimed at; an attack on anything else that keys depend on may take them all out of service.
 */
function assertJustified(
  before: ReadonlyMap<string, VerificationCode>,
  after: ReadonlyMap<string, VerificationCode>,
  scene: Scene,
  named: string | null,
): void {
  const isAimedAtKey = named === null || named.startsWith('api_key ') || named.startsWith('audit_')
  for (const [question, code] of after) {
    if (code === 'VALID') assert.equal(before.get(question), 'VALID', question)
    const name = KEY_NAMES.find((each) => question.startsWith(`${each} `)) ?? 'plain'
    const isTarget = named === `api_key ${scene.keys[name].key.id}`
    if (isAimedAtKey && !isTarget && before.get(question) === 'VALID') assert.equal(code, 'VALID', question)
  }
}

/** Tries one attack on a running server and then across a restart, with a sweep after each. */
export async function tryAttack(victim: Victim, attack: Attack): Promise<void> {
  const scene = await stage(victim)
  for (const table of ['api_key', 'role', 'owner'])
    assert.ok(Number(await victim.value(`SELECT count(*) FROM earlier_${table}`)) > 0)
  const before = answers(victim, scene)
  await victim.sql(attack.sql(scene))
  const named = attack.names?.(scene) ?? null
  assertJustified(before, answers(victim, scene), scene, named)
  await victim.domain.store.sweep()
  assertJustified(before, answers(victim, scene), scene, named)
  if (named !== null)
    assert.ok(
      (await victim.alarms()).includes(named),
      `the sweep names ${named}: ${(await victim.alarms()).join(', ')}`,
    )
  for (const table of ['api_key', 'role', 'owner']) await victim.sql(`DROP TABLE earlier_${table}`)
  let next: Victim
  try {
    next = await victim.restart()
  } catch (error) {
    assert.ok(error instanceof StartError || attack.refusesStart !== undefined, String(error))
    assert.match(String(error), attack.refusesStart ?? /^$/)
    return
  }
  assert.equal(
    attack.refusesStart?.source === '.' ? undefined : attack.refusesStart,
    undefined,
    'the next start is refused',
  )
  assertJustified(before, answers(next, scene), scene, named)
}
