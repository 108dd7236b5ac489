import assert from 'node:assert/strict'
import { argon2Sync, createHash, createHmac, randomBytes, scryptSync } from 'node:crypto'
import { test } from 'node:test'
import { UNPROVABLE_DIGEST } from '@keystead/protocol/decision'
import bcrypt from 'bcryptjs'
import { destructionJob } from '../../jobs/destruction.ts'
import { runJobs } from '../../jobs/job.ts'
import { continueBulkOperations } from '../bulk/advance.ts'
import { bulk } from '../bulk/bulk.test-support.ts'
import { undoBulkOperation } from '../bulk/undo.ts'
import { deactivateRole } from '../../roles/update.ts'
import { createProject } from '../../projects/create.ts'
import { code } from '../../storage/contract.test-support.ts'
import { openDatabase } from '../../storage/sqlite/open.ts'
import { closeOnce, DAY, HOUR, may, openWorld, type World } from '../../world.test-support.ts'
import { scheduleDestruction } from '../destroy.ts'
import { aKey, aRole, rotated, suspended } from '../keys.test-support.ts'
import { revokeKey } from '../revoke.ts'
import { exportKeys } from './export.ts'
import { aSource, imported, presented } from './import.test-support.ts'
import { importKeys } from './import.ts'
import type { NewImportSource } from './source.ts'

const aText = (): string => `sk_${randomBytes(24).toString('hex')}`
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const phc = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '')

/** Each algorithm with a source for it, and what the other system would have stored for a text `prefix.secret`. */
const SYSTEMS: Readonly<
  Record<string, { source: Partial<NewImportSource>; hash: (text: string) => string; slow: boolean }>
> = {
  sha256: { source: {}, hash: sha256, slow: false },
  'sha256 of the rest': {
    source: { lookup: { separator: '.', occurrence: 1 }, hashes: 'rest' },
    hash: (text) => sha256(text.slice(text.indexOf('.') + 1)),
    slow: false,
  },
  sha512: {
    source: { algorithm: 'sha512' },
    hash: (text) => createHash('sha512').update(text).digest('base64'),
    slow: false,
  },
  'hmac-sha256': {
    source: { algorithm: 'hmac-sha256', secret: 'a pepper', secretEncoding: 'utf8' },
    hash: (text) => createHmac('sha256', 'a pepper').update(text).digest('base64url'),
    slow: false,
  },
  bcrypt: {
    source: { algorithm: 'bcrypt', lookup: { separator: '.', occurrence: 1 } },
    hash: (text) => bcrypt.hashSync(text, 4),
    slow: true,
  },
  argon2id: {
    source: { algorithm: 'argon2id', lookup: { length: 8 }, hashes: 'rest' },
    hash: (text) => {
      const [salt, rest] = [randomBytes(16), text.slice(8)]
      const costs = { memory: 64, passes: 1, parallelism: 1, tagLength: 32 }
      const hash = argon2Sync('argon2id', { message: rest, nonce: salt, ...costs })
      return `$argon2id$v=19$m=64,t=1,p=1$${phc(salt)}$${phc(hash)}`
    },
    slow: true,
  },
  scrypt: {
    source: { algorithm: 'scrypt', lookup: { separator: '.', occurrence: 1 }, hashes: 'rest' },
    hash: (text) => {
      const salt = randomBytes(16)
      const hash = scryptSync(text.slice(text.indexOf('.') + 1), salt, 32, { cost: 16 })
      return `$scrypt$ln=4,r=8,p=1$${phc(salt)}$${phc(hash)}`
    },
    slow: true,
  },
}

/** A text of eight public characters, a point and a secret, and the public part as the source reads it. */
function split(source: Partial<NewImportSource>): { text: string; lookup: { lookup?: string } } {
  const prefix = randomBytes(4).toString('hex')
  return {
    text: `${prefix}.${randomBytes(16).toString('hex')}`,
    lookup: source.lookup === undefined ? {} : { lookup: prefix },
  }
}

for (const [name, { source: input, hash, slow }] of Object.entries(SYSTEMS)) {
  test(`${name}: the old text works from the import on, is upgraded by its first use, and no other text works`, async (t) => {
    const world = await openWorld(t)
    const source = await aSource(world, input)
    const { text, lookup } = split(input)
    const [item] = await imported(world, source, { hash: hash(text), ...lookup })
    assert.ok(item?.status === 'imported')
    const others = [`${text}x`, text.slice(0, -1), text.toUpperCase(), aText(), '', '.', hash(text)]
    for (const other of others) assert.equal((await presented(world, other)).code, 'NOT_FOUND', other)
    const stored = await world.store.reader.key(item.keyId)
    assert.equal(stored?.versions[0]?.digest === UNPROVABLE_DIGEST, slow)
    assert.equal(stored?.imported?.hash !== null, slow)
    assert.ok(!JSON.stringify(stored).includes(hash(text)))

    const decision = await presented(world, text, { permission: 'market:read' })
    assert.deepEqual([decision.code, decision.record?.keyId, decision.version], ['VALID', item.keyId, 1])
    assert.equal(
      (await presented(world, text, { permission: 'funds:withdraw' })).code,
      'INSUFFICIENT_PERMISSIONS',
    )
    await world.verifier.upgrades.flush()
    const upgraded = await world.store.reader.key(item.keyId)
    assert.equal(upgraded?.imported?.hash, null)
    assert.notEqual(upgraded?.versions[0]?.digest, stored?.versions[0]?.digest)
    const [event] = await world.store.reader.auditEntries(world.store.head().size - 1, 1)
    assert.match(Buffer.from(event?.bytes ?? []).toString(), /"action":"key\.upgraded"/)
    for (const other of others) assert.equal((await presented(world, other)).code, 'NOT_FOUND', other)
    assert.equal((await presented(world, text)).code, 'VALID')

    const again = await imported(world, source, { hash: hash(text), ...lookup })
    assert.deepEqual(again, [{ ...item, status: 'exists' }])
    await closeOnce(world.store)
    const next = await openWorld(t, { folder: world.folder, clock: world.clock })
    assert.equal((await presented(next, text)).code, 'VALID')
    for (const other of others) assert.equal((await presented(next, other)).code, 'NOT_FOUND', other)
  })

  test(`${name}: a text means nothing in another environment or project, and nothing as a root key`, async (t) => {
    const world = await openWorld(t)
    const { text, lookup } = split(input)
    await imported(world, await aSource(world, input), { hash: hash(text), ...lookup })
    const other = await createProject(world.domain, may('projects:create'), { name: 'other' })
    for (const place of [{ environment: 'staging' }, { projectId: other.id }] as const) {
      await aSource(world, { ...input, ...place })
      assert.equal((await presented(world, text, place)).code, 'NOT_FOUND')
    }
    assert.equal((await presented(world, text)).code, 'VALID')
    assert.equal((await presented(world, text, { environment: 'staging' })).code, 'NOT_FOUND')
  })

  test(`${name}: not used yet, it is found after a start from a snapshot, and state and time count`, async (t) => {
    const world = await openWorld(t)
    const source = await aSource(world, input)
    const made = [split(input), split(input), split(input), split(input)]
    const at = world.clock.now
    const limits = [{}, { expiresAt: at + HOUR }, { notBefore: at + HOUR }, {}]
    const items = made.map(({ text, lookup }, i) => ({ hash: hash(text), ...lookup, ...limits[i] }))
    const keys = await imported(world, source, ...items)
    await world.keeper.save()
    await closeOnce(world.store)
    const next = await openWorld(t, { folder: world.folder, clock: world.clock })
    assert.ok(next.logLines.some((line) => line.includes('snapshot.used')))
    const codes = async () => Promise.all(made.map(async ({ text }) => (await presented(next, text)).code))
    await revokeKey(next.domain, may('keys:revoke'), 'issued', keys[0]?.keyId ?? '', 'keyCompromise')
    await suspended(next, keys[3]?.keyId ?? '')
    assert.deepEqual(await codes(), ['REVOKED', 'VALID', 'NOT_YET_ACTIVE', 'SUSPENDED'])
    next.clock.advance(HOUR)
    assert.deepEqual(await codes(), ['REVOKED', 'EXPIRED', 'VALID', 'SUSPENDED'])
  })
}

test('what is revoked while its slow hash is made is refused', async (t) => {
  const world = await openWorld(t)
  const { source: input } = SYSTEMS['bcrypt'] ?? assert.fail()
  const { text, lookup } = split(input)
  const source = await aSource(world, input)
  const [item] = await imported(world, source, { hash: bcrypt.hashSync(text, 9), ...lookup })
  const asked = presented(world, text)
  await revokeKey(world.domain, may('keys:revoke'), 'issued', item?.keyId ?? '', 'unspecified')
  assert.equal((await asked).code, 'REVOKED')
})

test('a flood on one key with a slow hash is told to wait, and other keys are served', async (t) => {
  const world = await openWorld(t)
  const { source: input } = SYSTEMS['bcrypt'] ?? assert.fail()
  const [victim, other] = [split(input), split(input)]
  const source = await aSource(world, input)
  const hash = (text: string): string => bcrypt.hashSync(text, 8)
  const items = [victim, other].map(({ text, lookup }) => ({ hash: hash(text), ...lookup }))
  await imported(world, source, ...items)
  const flood = Array.from({ length: 40 }, async (_, i) => presented(world, `${victim.text}${i}`))
  const settled = Promise.allSettled(flood)
  assert.equal((await presented(world, other.text)).code, 'VALID')
  const results = await settled
  const busy = results.filter(({ status }) => status === 'rejected')
  assert.equal(busy.length, 38)
  for (const each of busy) assert.ok(each.status === 'rejected' && code('verification.busy')(each.reason))
  assert.equal((await presented(world, victim.text)).code, 'VALID')
})

test('a rotation gives a native version, and the old text is accepted for the overlap', async (t) => {
  const world = await openWorld(t)
  const text = aText()
  const [item] = await imported(world, await aSource(world), { hash: sha256(text) })
  const { secret } = await rotated(world, item?.keyId ?? '', 3_600)
  assert.equal((await presented(world, text)).version, 1)
  assert.equal((await presented(world, secret.reveal())).version, 2)
  await world.verifier.upgrades.flush()
  assert.equal((await presented(world, text)).code, 'VALID')
  world.clock.advance(HOUR)
  assert.deepEqual((await presented(world, text)).code, 'EXPIRED')
  assert.equal((await presented(world, secret.reveal())).code, 'VALID')
})

test('a destroyed key holds nothing of its import but where it came from, and is not imported again', async (t) => {
  const world = await openWorld(t)
  const { source: input, hash } = SYSTEMS['scrypt'] ?? assert.fail()
  const { text, lookup } = split(input)
  const source = await aSource(world, input)
  const [item] = await imported(world, source, { hash: hash(text), ...lookup })
  const id = item?.keyId ?? ''
  await revokeKey(world.domain, may('keys:revoke'), 'issued', id, 'unspecified')
  await scheduleDestruction(world.domain, may('keys:destroy'), id, 0)
  await runJobs([destructionJob], { domain: world.domain, log: world.log })
  const tombstone = await world.store.reader.key(id)
  assert.deepEqual(
    [tombstone?.state, tombstone?.versions, tombstone?.imported?.hash],
    ['destroyed', [], null],
  )
  assert.equal((await presented(world, text)).code, 'NOT_FOUND')
  const again = await imported(world, source, { hash: hash(text), ...lookup })
  assert.deepEqual(again, [{ status: 'exists', keyId: id }])
  assert.equal((await presented(world, text)).code, 'NOT_FOUND')
})

test('an import is all or nothing, names what is wrong, and makes owners only for who may', async (t) => {
  const world = await openWorld(t)
  const source = await aSource(world)
  const [good, past] = [aText(), world.clock.now - 1]
  const { size } = world.store.head()
  const wrong = imported(
    world,
    source,
    { hash: sha256(good) },
    { hash: 'no hash' },
    { hash: sha256(good) },
    { hash: sha256(aText()), expiresAt: past },
    { hash: sha256(aText()), lookup: 'x' },
    { hash: sha256(aText()), allowedAddresses: ['10.0.0.0/8', 'nowhere'] },
    { hash: sha256(aText()), permissions: [] },
    { hash: sha256(aText()), createdAt: world.clock.now + 1 },
  )
  await assert.rejects(wrong, (error: { errors?: { path: string }[] }) => {
    assert.deepEqual(
      error.errors?.map(({ path }) => path),
      ['1/hash', '2', '3/expiresAt', '4/lookup', '5/allowedAddresses/1', '6', '7/createdAt'].map(
        (path) => `/body/items/${path}`,
      ),
    )
    return true
  })
  const items = [{ hash: sha256(good), ownerExternalId: 'new', permissions: ['market:read'] }]
  const take = async (createOwners: boolean, permissions: string[]) =>
    importKeys(world.domain, may('keys:import', { permissions }), {
      sourceId: source.id,
      createOwners,
      items,
    })
  await assert.rejects(take(false, ['*']), code('owner.not_found'))
  await assert.rejects(take(true, ['keys:import']), code('access.denied'))
  assert.equal(world.store.head().size, size)
  await take(true, ['keys:import', 'owners:create'])
  assert.equal(world.store.head().size, size + 1)
  const role = await aRole(world)
  await deactivateRole(world.domain, may('roles:deactivate'), role.id)
  await assert.rejects(
    imported(world, source, { hash: sha256(aText()), roles: [role.id] }),
    code('role.not_found'),
  )
  assert.equal((await presented(world, good)).record?.owner?.externalId, 'new')
})

test('1,000 keys of 1,000 owners are one leaf, and age from when the other system made them', async (t) => {
  const world = await openWorld(t)
  const source = await aSource(world)
  const texts = Array.from({ length: 1_000 }, aText)
  const createdAt = world.clock.now - 50 * DAY
  const items = texts.map((text, i) => ({ hash: sha256(text), ownerExternalId: `owner-${i}`, createdAt }))
  const { size } = world.store.head()
  const made = await imported(world, source, ...items)
  assert.equal(world.store.head().size, size + 1)
  const key = await world.store.reader.key(made[999]?.keyId ?? '')
  assert.deepEqual([key?.createdAt, key?.versions[0]?.createdAt], [world.clock.now, createdAt])
  for (const [i, text] of texts.entries())
    assert.equal((await presented(world, text)).record?.owner?.externalId, `owner-${i}`)
  await world.verifier.upgrades.flush()
  assert.equal(world.store.head().size, size + 1 + 4)
  assert.deepEqual((await world.store.check()).refused, [])
})

test('neither a source nor a key hands out what is kept encrypted; it is of no use in another row', async (t) => {
  const world = await openWorld(t)
  const pepper = randomBytes(32)
  const hmac = await aSource(world, {
    ...{ algorithm: 'hmac-sha256', secret: pepper.toString('hex'), secretEncoding: 'hex' },
  })
  const text = aText()
  await imported(world, hmac, { hash: createHmac('sha256', pepper).update(text).digest('hex') })
  assert.equal((await presented(world, text)).code, 'VALID')
  assert.ok(hmac.secret !== null && !hmac.secret.includes(pepper.toString('base64url')))
  assert.equal(world.domain.cipher.decrypt('import_source/other/secret', hmac.secret), null)
  const flipped = `${hmac.secret.slice(0, -6)}${hmac.secret.at(-6) === 'A' ? 'B' : 'A'}${hmac.secret.slice(-5)}`
  assert.equal(world.domain.cipher.decrypt(`import_source/${hmac.id}/secret`, flipped), null)
  assert.equal(world.domain.cipher.decrypt(`import_source/${hmac.id}/secret`, 'AAAA'), null)
})

test('an export tells what proves each key, and every page is in the log', async (t) => {
  const world = await openWorld(t)
  const { source: input, hash } = SYSTEMS['bcrypt'] ?? assert.fail()
  const { text, lookup } = split(input)
  const foreign = hash(text)
  const [slow] = await imported(world, await aSource(world, input), { hash: foreign, ...lookup })
  const [fast, used] = await imported(
    world,
    await aSource(world),
    ...[aText(), 'used before'].map((each) => ({ hash: sha256(each) })),
  )
  await presented(world, 'used before')
  await world.verifier.upgrades.flush()
  const { key: native } = await aKey(world)
  const { size } = world.store.head()
  const page = { limit: 10, cursor: null }
  const wanted = { projectId: world.projectId, environment: 'production', withHashes: true } as const
  const { items } = await exportKeys(world.domain, may('keys:export'), wanted, page)
  assert.equal(world.store.head().size, size + 1)
  const hashes = new Map(items.map((item) => [item.key.id, item.hashes]))
  assert.deepEqual(hashes.get(slow?.keyId ?? native.id), [
    { versionNumber: 1, algorithm: 'bcrypt', hash: foreign },
  ])
  assert.equal(hashes.get(fast?.keyId ?? native.id)?.[0]?.algorithm, 'ks-import-ref/v1')
  assert.equal(hashes.get(used?.keyId ?? native.id)?.[0]?.algorithm, 'ks-import/v1')
  assert.equal(hashes.get(native.id)?.[0]?.algorithm, 'ks-key/v1')
  const without = await exportKeys(world.domain, may('keys:export'), { ...wanted, withHashes: false }, page)
  assert.ok(without.items.every((item) => item.hashes === null))
  const aside = may('keys:export', { environment: 'staging' })
  await assert.rejects(exportKeys(world.domain, aside, wanted, page), code('access.denied'))
})

test('a source must make sense, is one of its name and one of few, and cannot be seen from elsewhere', async (t) => {
  const world = await openWorld(t)
  const senseless: Partial<NewImportSource>[] = [
    { algorithm: 'hmac-sha256' },
    { secret: 'x' },
    { secretEncoding: 'hex' },
    { algorithm: 'bcrypt' },
    { hashes: 'rest' },
    { lookup: { length: 8 } },
    { algorithm: 'hmac-sha256', secret: 'zz', secretEncoding: 'hex' },
    { algorithm: 'hmac-sha256', secret: '!!', secretEncoding: 'base64' },
  ]
  for (const input of senseless) await assert.rejects(aSource(world, input), code('request.invalid'))
  await aSource(world, { name: 'one' })
  await assert.rejects(aSource(world, { name: 'one' }), code('import_source.exists'))
  for (let i = 0; i < 7; i++) await aSource(world)
  await assert.rejects(aSource(world), code('import_source.too_many'))
  const elsewhere = await aSource(world, { environment: 'staging', name: 'one' })
  const by = may('keys:import', { projectId: world.projectId, environment: 'production' })
  const items = [{ hash: sha256('x'), ownerExternalId: 'a', permissions: ['market:read'] }]
  const taken = importKeys(world.domain, by, { sourceId: elsewhere.id, createOwners: true, items })
  await assert.rejects(taken, code('import_source.not_found'))
})

test('a source whose row was changed proves no key any more, and the alarm names it', async (t) => {
  const world: World = await openWorld(t)
  const text = aText()
  const source = await aSource(world, { algorithm: 'hmac-sha256', secret: 'p' })
  await imported(world, source, { hash: createHmac('sha256', 'p').update(text).digest('hex') })
  await closeOnce(world.store)
  const database = openDatabase(world.folder)
  database.writer.exec(`UPDATE import_source SET algorithm = 'sha256', secret = NULL`)
  database.close()
  const next = await openWorld(t, { folder: world.folder, clock: world.clock })
  assert.equal((await presented(next, text)).code, 'NOT_FOUND')
  assert.ok(next.logLines.some((line) => line.includes('import_source') && line.includes(source.id)))
})

test('what somebody has imported is found by who touched it, a whole batch of it', async (t) => {
  const world = await openWorld(t)
  const source = await aSource(world)
  const texts = Array.from({ length: 100 }, aText)
  const by = may('keys:import')
  const items = texts.map((text) => ({
    ...{ hash: sha256(text), ownerExternalId: 'acme', permissions: ['market:read'] },
  }))
  await importKeys(world.domain, by, { sourceId: source.id, createOwners: true, items })
  const { actor } = by.provenance
  await bulk(world, { action: 'revoke', query: { touchedBy: actor.id ?? '' }, undoSeconds: 0 })
  for (const text of texts) assert.equal((await presented(world, text)).code, 'REVOKED')
})

test('an upgrade in between neither keeps a bulk operation from being undone nor from being concluded', async (t) => {
  const world = await openWorld(t)
  const source = await aSource(world)
  const [undone, concluded] = [aText(), aText()]
  const [one, other] = await imported(world, source, { hash: sha256(undone) }, { hash: sha256(concluded) })
  for (const text of [undone, concluded]) await presented(world, text)
  const update = await bulk(world, {
    ...{ action: 'update', query: { keyIds: [one?.keyId ?? ''] } },
    parameters: { permissionsAdd: ['funds:withdraw'] },
  })
  await bulk(world, { action: 'revoke', query: { keyIds: [other?.keyId ?? ''] }, undoSeconds: 60 })
  await world.verifier.upgrades.flush()
  await undoBulkOperation(world.domain, may('bulk-operations:undo'), update.id)
  world.clock.advance(HOUR)
  await continueBulkOperations(world.domain)
  const withdrawal = await presented(world, undone, { permission: 'funds:withdraw' })
  assert.equal(withdrawal.code, 'INSUFFICIENT_PERMISSIONS')
  assert.equal((await presented(world, concluded)).code, 'REVOKED')
})
