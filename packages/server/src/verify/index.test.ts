import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KEY_STATES } from '@keystead/protocol/lifecycle'
import { randomBase62 } from '@keystead/protocol/api-key'
import type { KeyRecord } from '@keystead/protocol/decision'
import { compileGrants } from '@keystead/protocol/permission'
import fc from 'fast-check'
import type { Part, Parts } from '../compact/part.ts'
import { hashText } from '../hash.ts'
import { type ImportSourceId, newId, type OwnerId, type ProjectId, type RoleId } from '../ids.ts'
import { systemRandom } from '../random.ts'
import { upgradedDigest } from '../keys/import/digests.ts'
import type { ApiKey, ImportSource, Owner, Role } from '../storage/records.ts'
import { KeyIndex } from './index.ts'

const id = (name: 'importSource' | 'key' | 'owner' | 'project' | 'role'): string =>
  newId(name, () => 1, systemRandom)
const PROJECTS = [id('project'), id('project')] as ProjectId[]
const ROLES = [id('role'), id('role')] as RoleId[]
const OWNERS = Array.from({ length: 4 }, () => id('owner')) as OwnerId[]
const IDENTITIES = Array.from({ length: 8 }, () => ({
  id: id('key') as ApiKey['id'],
  locator: randomBase62(12, systemRandom),
}))

const SOURCE: ImportSource = {
  ...{ id: id('importSource') as ImportSourceId, version: 1, createdAt: 1 },
  projectId: id('project') as ProjectId,
  ...{
    environment: 'production',
    name: 'old',
    algorithm: 'sha256',
    lookup: null,
    hashes: 'text',
    secret: null,
  },
}

const time = fc.option(fc.integer({ min: 0, max: 4_102_444_800_000 }))
const versions = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 2 ** 31 }), time, fc.string()), { maxLength: 6 })
  .map((list) =>
    list.map(([number, acceptedUntil, text]) => ({
      ...{ number, acceptedUntil, createdAt: 1, digest: hashText(text) },
    })),
  )
const aKey: fc.Arbitrary<ApiKey> = fc
  .record({
    identity: fc.constantFrom(...IDENTITIES),
    kind: fc.constantFrom('key', 'root'),
    projectId: fc.constantFrom(null, ...PROJECTS),
    environment: fc.constantFrom(null, 'production', 'staging'),
    ownerId: fc.constantFrom(null, ...OWNERS),
    permissions: fc.subarray(['market:read', 'orders:trade', '!funds:*']),
    roles: fc.subarray(ROLES),
    allowedAddresses: fc.subarray(['192.0.2.0/24', '2001:db8::/32']),
    state: fc.constantFrom(...KEY_STATES),
    revocationReason: fc.constantFrom(null, 'keyCompromise', 'superseded'),
    notBefore: time,
    expiresAt: time,
    versions,
    isImported: fc.boolean(),
    upgradedIn: fc.constantFrom(null, 1),
  })
  .map(({ identity, isImported, upgradedIn, ...rest }) => ({
    ...identity,
    ...rest,
    // No two keys have one digest.
    versions: rest.versions.map((each) => ({ ...each, digest: hashText(`${identity.id} ${each.digest}`) })),
    imported: isImported ? { sourceId: SOURCE.id, ref: hashText(identity.id), hash: null, upgradedIn } : null,
    ...{ version: 1, createdAt: 1, brand: 'ks', name: '', revokedAt: null, destroyAt: null },
  }))
const anOwner: fc.Arbitrary<Owner> = fc
  .record({
    id: fc.constantFrom(...OWNERS),
    externalId: fc.string(),
    metadata: fc.dictionary(fc.string(), fc.string()),
  })
  .map((owner) => ({ ...owner, version: 1, createdAt: 1, projectId: PROJECTS[0] ?? id('project'), name: '' }))
  .map((owner) => owner as Owner)
const aRole: fc.Arbitrary<Role> = fc
  .record({
    id: fc.constantFrom(...ROLES),
    permissions: fc.subarray(['chain:read', '!orders:trade']),
    state: fc.constantFrom('active', 'deactivated'),
  })
  .map((role) => ({ ...role, version: 1, createdAt: 1, name: '', description: '' }))
  .map((role) => ({ ...role, projectId: PROJECTS[0] }) as Role)
const someChanges = fc.record({
  keys: fc.array(aKey, { maxLength: 4 }),
  owners: fc.array(anOwner, { maxLength: 2 }),
  roles: fc.array(aRole, { maxLength: 1 }),
  importSources: fc.constantFrom([], [SOURCE]),
  withdrawn: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.constantFrom(...IDENTITIES).map((key) => [key.id]) },
  ),
})

/** What the index must answer, in the plainest way. */
class Model {
  readonly keys = new Map<string, ApiKey>()
  readonly owners = new Map<string, Owner>()
  readonly roles = new Map<string, Role>()
  readonly sources = new Set<string>()

  record(locator: string): Omit<KeyRecord, 'policy'> & { readonly permissions: readonly string[] } {
    const key = this.keys.get(locator)
    assert.ok(key)
    const owner = this.owners.get(key.ownerId ?? '')
    const facts = { externalId: owner?.externalId, metadata: owner?.metadata }
    const fromRoles = key.roles.flatMap((role) => {
      const { state, permissions } = this.roles.get(role) ?? { state: '', permissions: [] }
      return state === 'active' ? permissions : []
    })
    return {
      ...{ keyId: key.id, kind: key.kind, projectId: key.projectId, environment: key.environment },
      ...{ ownerId: key.ownerId, state: key.state, revocationReason: key.revocationReason },
      ...{ notBefore: key.notBefore, expiresAt: key.expiresAt },
      owner:
        key.ownerId === null
          ? null
          : {
              externalId: owner?.externalId ?? '',
              json: owner === undefined ? 'null' : JSON.stringify(facts),
            },
      permissions: [...new Set([...key.permissions, ...fromRoles])],
      versions: key.versions
        .slice(0, 4)
        .map(({ number, digest, acceptedUntil }) => ({ number, digest, acceptedUntil })),
    }
  }
}

function assertSame(index: KeyIndex, model: Model): void {
  assert.equal(index.size, model.keys.size)
  const sources = index.importSources(SOURCE.projectId, 'production')
  assert.deepEqual(sources, model.sources.has(SOURCE.id) ? [SOURCE] : [])
  assert.deepEqual(index.importSources(SOURCE.projectId, 'staging'), [])
  for (const { locator } of IDENTITIES) {
    const record = index.lookup(locator)
    if (!model.keys.has(locator)) assert.equal(record, undefined)
    else {
      assert.ok(record)
      const { policy, ...rest } = record
      const { permissions, ...expected } = model.record(locator)
      assert.deepEqual(rest, expected)
      assert.deepEqual(policy.grants, compileGrants(permissions))
      const key = model.keys.get(locator)
      if (key?.imported) {
        const leading = upgradedDigest(key) ?? key.imported.ref
        assert.equal(index.lookupImported(leading)?.keyId, key.id)
      }
      assert.equal(index.lookupImported(hashText(locator)), undefined)
      assert.equal(policy.addresses.length, model.keys.get(locator)?.allowedAddresses.length)
    }
  }
}

/** What a file would bring back. */
function throughFile(parts: readonly Part[]): Parts {
  return new Map(parts.map(({ name, chunks }) => [name, [...chunks].map((chunk) => Uint8Array.from(chunk))]))
}

test('the index answers as the plainest model would, before and after a capture is restored', () => {
  fc.assert(
    fc.property(fc.array(someChanges, { maxLength: 12 }), fc.nat(12), (steps, restoredAt) => {
      let index = new KeyIndex()
      const model = new Model()
      for (const [i, changes] of steps.entries()) {
        index.add(changes)
        for (const role of changes.roles) model.roles.set(role.id, role)
        for (const source of changes.importSources) model.sources.add(source.id)
        for (const owner of changes.owners) model.owners.set(owner.id, owner)
        for (const key of changes.keys) model.keys.set(key.locator, key)
        for (const gone of changes.withdrawn)
          for (const [locator, key] of model.keys) if (key.id === gone) model.keys.delete(locator)
        assertSame(index, model)
        if (i !== restoredAt) continue
        const captured = index.capture()
        if (captured === null) continue
        const restored = new KeyIndex()
        restored.restore(throughFile(captured.parts))
        captured.release()
        assertSame(restored, model)
        index = restored
      }
    }),
    { numRuns: 300 },
  )
})

test('what is captured is not changed by what is taken in before it is written', () => {
  fc.assert(
    fc.property(fc.array(aKey, { minLength: 1 }), anOwner, someChanges, (keys, owner, later) => {
      const index = new KeyIndex()
      index.add({ keys, owners: [owner], roles: [], importSources: [], withdrawn: [] })
      const model = new Model()
      for (const key of keys) model.keys.set(key.locator, key)
      model.owners.set(owner.id, owner)
      const captured = index.capture()
      assert.ok(captured)
      index.add(later)
      const restored = new KeyIndex()
      restored.restore(throughFile(captured.parts))
      captured.release()
      assertSame(restored, model)
    }),
  )
})

test('nothing is captured while something is withdrawn, until it has come back', () => {
  const index = new KeyIndex()
  const [key] = fc.sample(aKey, 1)
  assert.ok(key)
  const changes = { keys: [], owners: [], roles: [], importSources: [], withdrawn: [] }
  index.add({ ...changes, keys: [key] })
  index.add({ ...changes, withdrawn: [key.id] })
  assert.equal(index.capture(), null)
  index.add({ ...changes, keys: [key] })
  assert.notEqual(index.capture(), null)
})

test('policies that no key has any more are forgotten, and the numbers of the others stay', () => {
  const index = new KeyIndex()
  const [first] = fc.sample(aKey, 1)
  assert.ok(first)
  const taking = (key: ApiKey) =>
    index.add({ keys: [key], owners: [], roles: [], importSources: [], withdrawn: [] })
  const other = { ...first, ...IDENTITIES.find(({ locator }) => locator !== first.locator) }
  taking({ ...other, permissions: ['market:read'] })
  for (let i = 0; i < 25_000; i++) taking({ ...first, permissions: [`a${i}:read`] })
  assert.deepEqual(index.lookup(first.locator)?.policy.grants.list[0], 'a24999:read')
  assert.deepEqual(index.lookup(other.locator)?.policy.grants.list[0], 'market:read')
})

test('a locator or an id that no record can hold is an error, not a record that nobody finds', () => {
  const index = new KeyIndex()
  const [key] = fc.sample(aKey, 1)
  assert.ok(key)
  const add = (wrong: Partial<ApiKey>) =>
    index.add({ keys: [{ ...key, ...wrong }], owners: [], roles: [], importSources: [], withdrawn: [] })
  assert.throws(() => add({ locator: 'short' }), /locator/)
  assert.throws(() => add({ locator: 'é'.repeat(12) }), /locator/)
  assert.throws(() => add({ id: 'key_1' as ApiKey['id'] }), /another length/)
  assert.throws(
    () => add({ versions: [{ number: 1, digest: 'x', createdAt: 1, acceptedUntil: null }] }),
    /another length/,
  )
  assert.equal(index.lookup('\0'.repeat(12)), undefined)
})
