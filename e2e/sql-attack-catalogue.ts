import type { Attacker, Row } from './sql-attacker.ts'
import type { Part, Scene } from './sql-attack-scene.ts'

/**
 * What comes of an attack: `alarm` names each row in the log and serves the others, `refusal` is a start that does not
 * happen, `halt` refuses changes, `harmless` changes no answer and needs no name, as `why` says.
 */
export type Outcome = 'alarm' | 'refusal' | 'halt' | 'harmless'

export interface Attack {
  readonly name: string
  readonly table: string
  /** Does it; answers with the rows that must be named, as an alarm names them. */
  readonly run: (attacker: Attacker, scene: Scene) => Promise<readonly string[]>
  /** Whose keys may be out of service afterwards; every other valid key must stay so. */
  readonly touched: readonly Part[]
  readonly whileRunning: Outcome
  readonly atStart: Outcome
  /** Why nothing has to be noticed, for what is harmless. */
  readonly why?: string
}

type Change = (scene: Scene) => readonly [id: string, columns: Row]

/** Some columns of one row get other values. */
export function alter(name: string, table: string, touched: readonly Part[], change: Change): Attack {
  return {
    ...{ name, table, touched, whileRunning: 'alarm', atStart: 'alarm' },
    async run(attacker, scene) {
      const [id, columns] = change(scene)
      await attacker.change(table, id, columns)
      return [id]
    },
  }
}

/** A key's row gets other values. */
function alterKey(part: Part, name: string, columns: Row): Attack {
  const touched: readonly Part[] = part === 'rotated' ? ['rotated', 'successor'] : [part]
  return alter(name, 'api_key', touched, ({ cast }) => [cast[part].id, columns])
}

/** A row is again what it was earlier, MAC and all. */
export function putBack(
  name: string,
  table: string,
  touched: readonly Part[],
  idOf: (scene: Scene) => string,
): Attack {
  return {
    ...{ name, table, touched, whileRunning: 'alarm', atStart: 'alarm' },
    async run(attacker, scene) {
      const id = idOf(scene)
      const row = scene.earlier[table]?.find((candidate) => candidate['id'] === id)
      if (row === undefined) throw new Error(`${table} had no ${id}`)
      await attacker.remove(table, id)
      await attacker.add(table, row)
      return [id]
    },
  }
}

export function remove(
  name: string,
  table: string,
  touched: readonly Part[],
  idOf: (scene: Scene) => string,
): Attack {
  return {
    ...{ name, table, touched, whileRunning: 'alarm', atStart: 'alarm' },
    async run(attacker, scene) {
      const id = idOf(scene)
      await attacker.remove(table, id)
      return [id]
    },
  }
}

/** A genuine row is there twice, the second time under an id that was never given out. */
export function copy(name: string, table: string, idOf: (scene: Scene) => string, columns: Row): Attack {
  return {
    ...{ name, table, touched: [], whileRunning: 'alarm', atStart: 'alarm' },
    async run(attacker, scene) {
      const original = await attacker.row(table, idOf(scene))
      const id = otherId(String(original['id']))
      await attacker.add(table, { ...original, ...columns, id })
      return [id]
    },
  }
}

function otherId(id: string): string {
  return `${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}`
}

/** Several columns of one key's row, MAC included or not, are written into another's. */
function transplant(name: string, from: Part, into: Part, columns: readonly string[]): Attack {
  return {
    ...{ name, table: 'api_key', touched: [into], whileRunning: 'alarm', atStart: 'alarm' },
    async run(attacker, { cast }) {
      const source = await attacker.row('api_key', cast[from].id)
      const taken = columns.map((column) => [column, source[column]] as const)
      await attacker.change('api_key', cast[into].id, Object.fromEntries(taken))
      return [cast[into].id]
    },
  }
}

/** Two keys' rows exchange columns that must be unique. */
function exchange(name: string, one: Part, other: Part, columns: readonly string[]): Attack {
  return {
    ...{ name, table: 'api_key', touched: [one, other], whileRunning: 'alarm', atStart: 'alarm' },
    async run(attacker, { cast }) {
      const [first, second] = [
        await attacker.row('api_key', cast[one].id),
        await attacker.row('api_key', cast[other].id),
      ]
      const pick = (row: Row): Row => Object.fromEntries(columns.map((column) => [column, row[column]]))
      await attacker.remove('api_key', cast[one].id)
      await attacker.remove('api_key', cast[other].id)
      await attacker.add('api_key', { ...first, ...pick(second) })
      await attacker.add('api_key', { ...second, ...pick(first) })
      return [cast[one].id, cast[other].id]
    },
  }
}

const ACTIVE = { state: 'active', revoked_at: null, revocation_reason: null }

const KEYS: readonly Attack[] = [
  alterKey('weak', 'a key is given every permission', { permissions: '["*"]' }),
  alterKey('revoked', 'a revocation is undone', ACTIVE),
  alterKey('compromised', 'a revocation for compromise is undone', ACTIVE),
  alterKey('suspended', 'a suspended key is resumed', { state: 'active' }),
  alterKey('expired', 'an expired key has no end any more', { expires_at: null }),
  alterKey('early', 'a key that is not yet active is', { state: 'active', not_before: null }),
  alterKey('addressed', 'a key is accepted from any address', { allowed_addresses: null }),
  alterKey('roled', 'a key loses the role that denies it something', { roles: null }),
  alterKey('staging', 'a key of staging is moved to production', { environment: 'production' }),
  alterKey('rotated', 'a key is given a digest that the attacker knows', { versions: '[[3,"x",1,null]]' }),
  alterKey('weak', 'a MAC is invented', { permissions: '["*"]', mac: 'A'.repeat(43) }),
  alterKey('weak', 'a MAC is taken away', { mac: '' }),
  alterKey('root', 'a root key becomes an API key', { kind: 'key', permissions: '["*"]' }),
  alter('a key is moved to another project', 'api_key', ['foreign'], ({ cast, projectIds: [project] }) => [
    cast.foreign.id,
    { project_id: project },
  ]),
  alter('a key is moved to another owner', 'api_key', ['weak'], ({ cast, ownerIds }) => [
    cast.weak.id,
    { owner_id: ownerIds[1] },
  ]),
  transplant('permissions and MAC of a strong key are copied to a weak one', 'strong', 'weak', [
    'permissions',
    'mac',
  ]),
  transplant('the digest of a weak key is copied to a strong one', 'weak', 'strong', ['versions']),
  transplant('the state of an active key is copied to a revoked one', 'strong', 'revoked', [
    ...['state', 'revoked_at', 'revocation_reason', 'version', 'mac'],
  ]),
  exchange('two keys exchange their ids', 'weak', 'strong', ['id']),
  exchange('two keys exchange locators and digests', 'weak', 'strong', ['locator', 'versions']),
  exchange('a revoked key and an active one exchange locators and digests', 'revoked', 'strong', [
    ...['locator', 'versions'],
  ]),
  ...(['revoked', 'compromised', 'suspended', 'expired', 'narrowed'] as const).map((part) =>
    putBack(`a ${part} key's earlier row is put back`, 'api_key', [part], ({ cast }) => cast[part].id),
  ),
  putBack("a rotated key's earlier row is put back", 'api_key', ['rotated', 'successor'], ({ cast }) => {
    return cast.rotated.id
  }),
  remove('a valid key is deleted', 'api_key', ['weak'], ({ cast }) => cast.weak.id),
  remove('a revoked key is deleted', 'api_key', ['revoked'], ({ cast }) => cast.revoked.id),
  copy('a strong key is copied under a new id and locator', 'api_key', ({ cast }) => cast.strong.id, {
    locator: 'abcdefabcdef',
  }),
]

const OTHERS: readonly Attack[] = [
  alter('the deny of a role is taken out', 'role', ['roled'], ({ roleId }) => [
    roleId,
    { permissions: '["*"]' },
  ]),
  alter('a role that denies is ended', 'role', ['roled'], ({ roleId }) => [roleId, { state: 'deactivated' }]),
  putBack("a role's earlier row is put back", 'role', ['roled'], ({ roleId }) => roleId),
  remove('a role that denies is deleted', 'role', ['roled'], ({ roleId }) => roleId),
  copy('a role is copied', 'role', ({ roleId }) => roleId, { name: 'copy' }),
  alter('an owner is somebody else', 'owner', [], ({ ownerIds }) => [
    ownerIds[0] ?? '',
    { external_id: 'attacker' },
  ]),
  alter("an owner's metadata are changed", 'owner', [], ({ ownerIds }) => [
    ownerIds[1] ?? '',
    { metadata: '{"tier":"gold"}' },
  ]),
  putBack("an owner's earlier row is put back", 'owner', [], ({ ownerIds }) => ownerIds[0] ?? ''),
  remove('an owner is deleted', 'owner', [], ({ ownerIds }) => ownerIds[1] ?? ''),
  copy('an owner is copied', 'owner', ({ ownerIds }) => ownerIds[0] ?? '', { external_id: 'copy' }),
  alter('a project is renamed', 'project', [], ({ projectIds }) => [projectIds[1] ?? '', { name: 'x' }]),
  remove('a project is deleted', 'project', [], ({ projectIds }) => projectIds[1] ?? ''),
  copy('a project is copied', 'project', ({ projectIds }) => projectIds[1] ?? '', {}),
  alter('an environment is moved to another project', 'environment', [], (scene) => [
    environmentOf(scene),
    { project_id: 'prj_x' },
  ]),
  remove('an environment is deleted', 'environment', [], environmentOf),
  copy('an environment is copied', 'environment', environmentOf, { project_id: 'prj_x' }),
  {
    ...alter('the installation is put into another epoch', 'installation', [], (scene) => [
      installationOf(scene),
      { epoch: 9 },
    ]),
    atStart: 'refusal',
  },
  {
    ...remove('the installation is deleted', 'installation', [], installationOf),
    atStart: 'refusal',
  },
  {
    ...{ name: 'the installation is given another id', table: 'installation', touched: [] },
    ...{ whileRunning: 'alarm', atStart: 'refusal' },
    async run(attacker, scene) {
      const id = installationOf(scene)
      await attacker.change('installation', id, { id: otherId(id) })
      return [id, otherId(id)]
    },
  },
]

function environmentOf({ earlier, projectIds: [, project] }: Scene): string {
  return String(earlier['environment']?.find((row) => row['project_id'] === project)?.['id'])
}

function installationOf({ earlier }: Scene): string {
  return String(earlier['installation']?.[0]?.['id'])
}

/** What whoever writes to the tables that decide who may do what can try. */
export const ROW_ATTACKS: readonly Attack[] = [...KEYS, ...OTHERS]
