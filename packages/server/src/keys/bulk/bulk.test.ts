import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAuditEvent } from '@keystead/protocol/audit-event'
import { createProject } from '../../projects/create.ts'
import { code } from '../../storage/contract.test-support.ts'
import type { ApiKey } from '../../storage/records.ts'
import {
  ask as decide,
  countUses,
  DAY,
  HOUR,
  may,
  openWorld,
  SECOND,
  START,
  type World,
} from '../../world.test-support.ts'
import { aKey, anOwner, aRole, rotated } from '../keys.test-support.ts'
import { issueKey } from '../issue.ts'
import { revokeKey } from '../revoke.ts'
import { updateKey } from '../update.ts'
import { continueBulkOperations } from './advance.ts'
import { bulk, bulkRequest, dryRun } from './bulk.test-support.ts'
import { startBulk } from './start.ts'
import { getBulkOperation, listBulkOperations, undoBulkOperation } from './undo.ts'

const MINUTES_10 = 600_000

const read = async (world: World, id: string): Promise<ApiKey> => {
  const key = await world.store.reader.key(id)
  assert.ok(key)
  return key
}
const undo = (world: World, id: string) => undoBulkOperation(world.domain, may('bulk-operations:undo'), id)
const rename = (world: World, id: string) =>
  updateKey(world.domain, may('keys:update'), 'issued', id, { name: 'by hand' })

test('a bulk revocation refuses its keys when it answers, and revokes them at the end of the window', async (t) => {
  const world = await openWorld(t)
  const keys = [await aKey(world), await aKey(world)]
  const operation = await bulk(world, { action: 'revoke', parameters: { reason: 'keyCompromise' } })
  assert.deepEqual(
    [operation.phase, operation.changed, operation.undoUntil],
    ['waiting', 2, START + MINUTES_10],
  )
  for (const { secret } of keys) assert.equal(decide(world, secret.reveal()).code, 'SUSPENDED')
  world.clock.advance(MINUTES_10 - 1)
  await continueBulkOperations(world.domain)
  for (const { secret } of keys) assert.equal(decide(world, secret.reveal()).code, 'SUSPENDED')
  world.clock.advance(1)
  await continueBulkOperations(world.domain)
  for (const { key, secret } of keys) {
    const { code: answer, reason } = decide(world, secret.reveal())
    assert.deepEqual([answer, reason], ['REVOKED', 'keyCompromise'])
    assert.equal((await read(world, key.id)).state, 'compromised')
  }
  const after = await world.store.reader.bulkOperation(operation.id)
  assert.deepEqual([after?.phase, after?.settled, after?.kept], ['done', 2, 0])
})

test('without a window a bulk revocation is final at once', async (t) => {
  const world = await openWorld(t)
  const { secret } = await aKey(world)
  const operation = await bulk(world, { action: 'revoke', undoSeconds: 0 })
  assert.equal(operation.phase, 'done')
  assert.equal(decide(world, secret.reveal()).code, 'REVOKED')
  await assert.rejects(undo(world, operation.id), code('bulk_operation.not_undoable'))
})

test('undo resumes exactly what the operation suspended: not what was suspended before', async (t) => {
  const world = await openWorld(t)
  const [one, other] = [await aKey(world), await aKey(world)]
  await bulk(world, { query: { keyIds: [other.key.id] } })
  const operation = await bulk(world, { action: 'revoke' })
  assert.equal(operation.changed, 2)
  const undone = await undo(world, operation.id)
  assert.deepEqual([undone.phase, undone.settled, undone.kept], ['undone', 1, 1])
  assert.equal(decide(world, one.secret.reveal()).code, 'VALID')
  assert.equal(decide(world, other.secret.reveal()).code, 'SUSPENDED')
  await assert.rejects(undo(world, operation.id), code('bulk_operation.not_undoable'))
  world.clock.advance(MINUTES_10)
  await continueBulkOperations(world.domain)
  assert.equal(decide(world, one.secret.reveal()).code, 'VALID')
})

test('a key that was changed by hand during the window keeps that change, at undo and at the end', async (t) => {
  const world = await openWorld(t)
  const [first, second] = [await aKey(world), await aKey(world)]
  const suspension = await bulk(world)
  await revokeKey(world.domain, may('keys:revoke'), 'issued', first.key.id, 'superseded')
  const undone = await undo(world, suspension.id)
  assert.deepEqual([undone.settled, undone.kept], [1, 1])
  assert.equal(decide(world, first.secret.reveal()).code, 'REVOKED')
  assert.equal(decide(world, second.secret.reveal()).code, 'VALID')

  const update = await bulk(world, { action: 'update', parameters: { permissionsAdd: ['orders:read'] } })
  await rename(world, second.key.id)
  assert.equal((await undo(world, update.id)).kept, 1)
  const kept = await read(world, second.key.id)
  assert.deepEqual([kept.name, kept.permissions], ['by hand', ['market:read', 'orders:read']])
})

test('a suspension that was resumed by another undo is not revoked at the end of the window', async (t) => {
  const world = await openWorld(t)
  const { secret } = await aKey(world)
  const first = await bulk(world)
  await bulk(world, { action: 'revoke' })
  await undo(world, first.id)
  world.clock.advance(MINUTES_10)
  await continueBulkOperations(world.domain)
  assert.equal(decide(world, secret.reveal()).code, 'VALID')
})

test('a bulk rotation ends the current version after the overlap, the holder can still rotate, and undo takes it back', async (t) => {
  const world = await openWorld(t)
  const { key, secret } = await aKey(world)
  const request = { action: 'rotate', parameters: { overlapSeconds: 3_600 } } as const
  const first = await bulk(world, request)
  assert.equal((await read(world, key.id)).versions[0]?.acceptedUntil, START + HOUR)
  await undo(world, first.id)
  assert.equal((await read(world, key.id)).versions[0]?.acceptedUntil, null)
  await bulk(world, request)
  assert.deepEqual((await dryRun(world, request)).skipped, [{ reason: 'rotation_begun', count: 1 }])
  const next = await rotated(world, key.id, 86_400)
  world.clock.advance(HOUR)
  assert.deepEqual(
    [decide(world, secret.reveal()).code, decide(world, next.secret.reveal()).code],
    ['EXPIRED', 'VALID'],
  )
})

test('a bulk update changes permissions and expiry, keeps the name, and undo restores both', async (t) => {
  const world = await openWorld(t)
  const { key } = await aKey(world, { permissions: ['market:read', 'orders:trade'], name: 'desk' })
  const parameters = { permissionsAdd: ['orders:read'], permissionsRemove: ['orders:trade'] }
  const operation = await bulk(world, {
    action: 'update',
    parameters: { ...parameters, expiresAt: START + DAY },
  })
  const changed = await read(world, key.id)
  assert.deepEqual(
    [changed.permissions, changed.expiresAt, changed.name],
    [['market:read', 'orders:read'], START + DAY, 'desk'],
  )
  await undo(world, operation.id)
  const restored = await read(world, key.id)
  assert.deepEqual({ ...restored, version: 0 }, { ...key, version: 0 })
})

test('a dry run changes nothing and says what would be changed, whose it is, and what would be left and why', async (t) => {
  const world = await openWorld(t)
  const owner = await anOwner(world)
  const keys = [await aKey(world, { ownerId: owner.id }), await aKey(world, { ownerId: owner.id })]
  const single = await aKey(world)
  const gone = await aKey(world)
  await revokeKey(world.domain, may('keys:revoke'), 'issued', gone.key.id, 'unspecified')
  const { size } = world.store.head()
  const preview = await dryRun(world)
  assert.equal(world.store.head().size, size)
  assert.deepEqual(
    { ...preview, confirm: '' },
    {
      total: 4,
      affected: 3,
      skipped: [{ reason: 'illegal_transition', count: 1 }],
      owners: [
        { ownerId: owner.id, count: 2 },
        { ownerId: single.key.ownerId, count: 1 },
      ],
      sample: [...keys, single].map(({ key }) => key.id).toSorted(),
      confirm: '',
    },
  )
})

test('more than a hundred keys need the confirmation of a dry run of exactly this request (T-30)', async (t) => {
  const world = await openWorld(t)
  const owner = await anOwner(world)
  await Promise.all(Array.from({ length: 101 }, async () => aKey(world, { ownerId: owner.id })))
  const unconfirmed = code('bulk_operation.unconfirmed')
  await assert.rejects(bulk(world), unconfirmed)
  const { confirm } = await dryRun(world)
  await assert.rejects(bulk(world, { confirm, action: 'revoke' }), unconfirmed)
  await assert.rejects(bulk(world, { confirm, query: { all: true, namePrefix: '' } }), unconfirmed)
  await assert.rejects(bulk(world, { confirm: `${confirm.slice(0, -1)}_` }), unconfirmed)
  await assert.rejects(bulk(world, { confirm: 'yes' }), unconfirmed)
  world.clock.advance(SECOND)
  // A key that is made after the dry run is not meant, and does not disturb it.
  const late = await aKey(world)
  const operation = await bulk(world, { confirm })
  assert.deepEqual([operation.phase, operation.changed, operation.chunks], ['waiting', 101, 2])
  assert.equal(decide(world, late.secret.reveal()).code, 'VALID')
})

test('a confirmation stops holding when the keys are others, and after 15 minutes (T-30)', async (t) => {
  const world = await openWorld(t)
  const { key } = await aKey(world)
  await aKey(world)
  const query = { state: 'active' } as const
  const { confirm } = await dryRun(world, { query })
  world.clock.advance(SECOND)
  await bulk(world, { query: { keyIds: [key.id] } })
  await assert.rejects(bulk(world, { query, confirm }), code('bulk_operation.unconfirmed'))
  const again = await dryRun(world, { query })
  world.clock.advance(15 * 60 * SECOND + 1)
  await assert.rejects(bulk(world, { query, confirm: again.confirm }), code('bulk_operation.unconfirmed'))
})

test('an empty query is refused, and so is a parameter that is another action’s', async (t) => {
  const world = await openWorld(t)
  const invalid = code('request.invalid')
  await assert.rejects(bulk(world, { query: {} }), invalid)
  await assert.rejects(bulk(world, { parameters: { reason: 'superseded' } }), invalid)
  await assert.rejects(bulk(world, { action: 'update' }), invalid)
})

test('each criterion names the keys that meet it, and no others', async (t) => {
  const world = await openWorld(t)
  const role = await aRole(world, { permissions: ['funds:withdraw'] })
  const old = await aKey(world, { name: 'desk one' })
  await rotated(world, (await aKey(world, { name: 'desk two' })).key.id, 60)
  world.clock.advance(HOUR)
  const young = await aKey(world, { permissions: ['orders:*'], expiresAt: START + DAY })
  const withRole = await aKey(world, { roles: [role.id], permissions: ['market:read'] })
  const denied = await aKey(world, { roles: [role.id], permissions: ['market:read', '!funds:withdraw'] })
  const named = async (query: Parameters<typeof dryRun>[1]): Promise<readonly string[]> =>
    (await dryRun(world, query)).sample
  const ids = (...keys: readonly { readonly key: ApiKey }[]) => keys.map(({ key }) => key.id).toSorted()
  const ask = async (query: NonNullable<Parameters<typeof dryRun>[1]>['query']) =>
    named({ query: query ?? {} })
  assert.deepEqual(await ask({ ownerIds: [old.key.ownerId ?? ''] }), ids(old))
  assert.deepEqual(await ask({ permission: 'orders:trade' }), ids(young))
  assert.deepEqual(await ask({ permission: 'funds:withdraw' }), ids(withRole))
  assert.deepEqual(await ask({ roleId: role.id }), ids(withRole, denied))
  assert.deepEqual(await ask({ createdAfter: START }), ids(young, withRole, denied))
  assert.equal((await ask({ createdBefore: START + HOUR })).length, 2)
  assert.equal((await ask({ namePrefix: 'desk' })).length, 2)
  assert.deepEqual(await ask({ namePrefix: 'desk o' }), ids(old))
  assert.equal((await ask({ rotatedBefore: START + 1 })).length, 2)
  assert.deepEqual(await ask({ keyIds: [old.key.id, old.key.id, young.key.id] }), ids(old, young))
  assert.deepEqual(await ask({ keyIds: [old.key.id], namePrefix: 'x' }), [])
  world.usage.count(decide(world, old.secret.reveal()), START + HOUR)
  await countUses(world)
  assert.ok(!(await ask({ unusedSince: START + HOUR })).includes(old.key.id))
  assert.ok((await ask({ unusedSince: START + HOUR + 1 })).includes(old.key.id))
  world.clock.advance(DAY)
  assert.deepEqual(
    (await dryRun(world, { action: 'revoke', query: { state: 'expired' } })).sample,
    ids(young),
  )
})

test('what a caller touched is what the log says it saw the secret of, and a forged index entry adds nothing (T-30)', async (t) => {
  const world = await openWorld(t)
  const by = may('keys:create')
  const { actor } = by.provenance
  assert.ok(actor.id)
  const owner = await anOwner(world)
  const input = {
    projectId: world.projectId,
    environment: 'production',
    ownerId: owner.id,
    permissions: ['market:read'],
  } as const
  const made = await issueKey(world.domain, by, input)
  const { position } = await world.store.transact({ actor, request: null }, async (tx) => {
    const key = await tx.key(made.key.id)
    assert.ok(key)
    await tx.saveKey(key, { ...key, version: key.version + 1, name: 'renamed only' })
    tx.record({ action: 'key.updated', projectId: key.projectId, environment: key.environment })
  })
  assert.notEqual(position, null)
  const other = await aKey(world)
  const [at] = await world.store.reader.auditPositions(
    { targetId: other.key.id, action: 'key.created' },
    -1,
    1,
  )
  world.database.writer.prepare('INSERT INTO audit_actor VALUES (?, ?)').run(actor.id, at ?? 0)
  const request = { action: 'revoke', query: { touchedBy: actor.id } } as const
  assert.deepEqual((await dryRun(world, request)).sample, [made.key.id])
  await bulk(world, request)
  assert.equal(decide(world, made.secret.reveal()).code, 'SUSPENDED')
  assert.equal(decide(world, other.secret.reveal()).code, 'VALID')
})

test('keys of another project or environment, and root keys, are never touched, even if named (T-30)', async (t) => {
  const world = await openWorld(t)
  const staging = await aKey(world, { environment: 'staging' })
  const project = await createProject(world.domain, may('projects:create'), { name: 'other' })
  const elsewhere = { ...world, projectId: project.id }
  const foreign = await aKey(elsewhere)
  const root = (
    await world.store.reader.keys(
      {
        kind: 'root',
        projectId: null,
        environment: null,
        ownerId: null,
        roleId: null,
        state: null,
        now: START,
      },
      { limit: 1, cursor: null },
    )
  ).items[0]
  const keyIds = [staging.key.id, foreign.key.id, root?.id ?? '']
  const operation = await bulk(world, { action: 'revoke', query: { keyIds } })
  assert.deepEqual([operation.total, operation.changed], [0, 0])
  const bound = may('keys:bulk', { projectId: world.projectId, environment: 'production' })
  const request = bulkRequest(world, {})
  await assert.rejects(
    startBulk(world.domain, bound, { ...request, environment: 'staging' }),
    code('access.denied'),
  )
  await assert.rejects(
    startBulk(world.domain, bound, { ...request, projectId: project.id }),
    code('project.not_found'),
  )
})

test('keys:bulk is not enough to change anything: the action’s own permission is needed too', async (t) => {
  const world = await openWorld(t)
  await aKey(world)
  const permissions = ['keys:bulk', 'keys:suspend']
  const by = may('keys:bulk', { permissions })
  const request = bulkRequest(world, { action: 'revoke' })
  await assert.rejects(startBulk(world.domain, by, request), code('access.denied'))
  assert.equal((await startBulk(world.domain, by, { ...request, dryRun: true })).preview.affected, 1)
  assert.equal((await startBulk(world.domain, by, { ...request, action: 'suspend' })).operation?.changed, 1)
})

test('an operation is seen, listed and undone only within reach', async (t) => {
  const world = await openWorld(t)
  const { id } = await bulk(world)
  const bounds = { projectId: world.projectId, environment: 'staging' } as const
  const missing = code('bulk_operation.not_found')
  await assert.rejects(getBulkOperation(world.domain, may('bulk-operations:read', bounds), id), missing)
  await assert.rejects(undoBulkOperation(world.domain, may('bulk-operations:undo', bounds), id), missing)
  const page = { limit: 10, cursor: null }
  const list = async (environment: 'staging' | 'production') =>
    listBulkOperations(world.domain, may('bulk-operations:read', { ...bounds, environment }), page)
  assert.equal((await list('staging')).items.length, 0)
  assert.equal((await list('production')).items[0]?.id, id)
})

test('a key whose row was changed by SQL is left out and named in an alarm; the others are changed', async (t) => {
  const world = await openWorld(t)
  const [bad, good] = [await aKey(world), await aKey(world)]
  world.database.writer.exec(`UPDATE api_key SET name = 'x' WHERE id = '${bad.key.id}'`)
  assert.deepEqual((await dryRun(world)).skipped, [{ reason: 'refused_row', count: 1 }])
  const operation = await bulk(world)
  assert.deepEqual([operation.phase, operation.changed], ['waiting', 1])
  assert.equal(decide(world, good.secret.reveal()).code, 'SUSPENDED')
  assert.ok(world.logLines.some((line) => line.includes('storage.integrity_alarm')))
})

test('an operation whose chunk was taken away fails, and its keys stay refused', async (t) => {
  const world = await openWorld(t)
  const { secret } = await aKey(world)
  const { id } = await bulk(world, { action: 'revoke' })
  world.database.writer.exec('DELETE FROM bulk_chunk')
  world.clock.advance(MINUTES_10)
  await continueBulkOperations(world.domain)
  assert.equal((await world.store.reader.bulkOperation(id))?.phase, 'failed')
  assert.equal(decide(world, secret.reveal()).code, 'SUSPENDED')
})

test('the log says who asked for it, and never the query', async (t) => {
  const world = await openWorld(t)
  await aKey(world, { name: 'secret desk' })
  const { id, requestedBy } = await bulk(world, { action: 'revoke', query: { namePrefix: 'secret' } })
  world.clock.advance(MINUTES_10)
  await continueBulkOperations(world.domain)
  const positions = await world.store.reader.auditPositions({ targetId: id, action: null }, -1, 10)
  const events = []
  for (const position of positions) {
    const [entry] = await world.store.reader.auditEntries(position, 1)
    events.push(parseAuditEvent(entry?.bytes ?? new Uint8Array()))
  }
  assert.deepEqual(
    events.map(({ action, actor }) => [action, actor.type]),
    [
      ['bulk_operation.started', 'root_key'],
      ['bulk_operation.applied', 'root_key'],
      ['bulk_operation.concluded', 'system'],
    ],
  )
  for (const { details } of events) assert.equal(details['requestedBy'], requestedBy)
  assert.ok(!JSON.stringify(events).includes('secret'))
})
