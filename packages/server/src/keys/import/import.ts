import type { Authorized } from '../../access/authorize.ts'
import type { Domain } from '../../domain.ts'
import { DomainError, type FieldError } from '../../errors.ts'
import { type KeyId, newId, type OwnerId, type RoleId } from '../../ids.ts'
import type { ApiKey, ImportSource, Owner } from '../../storage/records.ts'
import type { Transaction } from '../../storage/store.ts'
import { readRanges, requireRoles } from '../limits.ts'
import { newLocator } from '../mint.ts'
import { newKey } from '../new-key.ts'
import { areSensible } from '../times.ts'
import { type ImportItem, type Recognition, recognitionOf } from './item.ts'
import { requireImportSource } from './source.ts'

/** Wrong items that are named; whoever sees twenty knows what to mend. */
const ERRORS_MAX = 20

export interface NewImport {
  readonly sourceId: string
  /** Whether owners that are not there yet are made; the caller must be allowed to make them. */
  readonly createOwners: boolean
  readonly items: readonly ImportItem[]
}

export interface ImportedItem {
  /** `exists`: the source has brought this key before, whatever has become of it since. */
  readonly status: 'imported' | 'exists'
  readonly keyId: KeyId
}

/** One item that will be a new key. */
interface Prepared {
  readonly item: ImportItem
  readonly recognition: Recognition
  readonly roles: readonly RoleId[]
  readonly allowedAddresses: readonly string[]
}

/**
 * Takes over keys of another system by their hashes, all of them in one transaction with one leaf of the log, or none.
 * The same import again changes nothing. `request.invalid` naming the items that are wrong, `import_source.not_found`,
 * `role.not_found`, `access.denied` when owners would have to be made and the caller may not.
 */
export async function importKeys(
  domain: Domain,
  by: Authorized<'keys:import'>,
  input: NewImport,
): Promise<readonly ImportedItem[]> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const source = requireImportSource(await tx.importSource(input.sourceId), by)
    const prepared = await prepare(domain, tx, source, input.items)
    const refs = prepared.map(({ recognition }) => recognition.ref)
    const known = new Map((await tx.keysByImportRefs(refs)).map((key) => [key.imported?.ref, key.id]))
    const fresh = prepared.filter(({ recognition }) => !known.has(recognition.ref))
    const owners = await ownersOf(domain, tx, by, source, fresh, input.createOwners)
    for (const each of fresh) {
      const key = importedKey(domain, source, each, owners.of(each.item))
      await tx.saveKey(null, key)
      known.set(each.recognition.ref, key.id)
    }
    if (fresh.length > 0)
      tx.record({
        action: 'key.imported',
        projectId: source.projectId,
        environment: source.environment,
        details: {
          ...{ source: source.id, keys: fresh.length, ownersCreated: owners.created },
          ...commonRights(fresh),
        },
      })
    const isFresh = new Set(fresh)
    return prepared.map((each): ImportedItem => {
      const keyId = known.get(each.recognition.ref)
      if (keyId === undefined) throw new Error('an item without its key')
      return { status: isFresh.has(each) ? 'imported' : 'exists', keyId }
    })
  })
  return value
}

/** What a key's slow hash is encrypted for. */
export function hashContext(id: KeyId): string {
  return `api_key/${id}/import_hash`
}

async function prepare(
  domain: Domain,
  tx: Transaction,
  source: ImportSource,
  items: readonly ImportItem[],
): Promise<readonly Prepared[]> {
  const now = domain.clock()
  const errors: FieldError[] = []
  const prepared: Prepared[] = []
  const seen = new Set<string>()
  for (const [i, item] of items.entries()) {
    const path = `/body/items/${i}`
    const recognition = recognitionOf(source, item, path)
    if ('message' in recognition) errors.push(recognition)
    else if (seen.has(recognition.ref))
      errors.push({ path, message: 'is found by the same text as an earlier item' })
    else {
      seen.add(recognition.ref)
      const { ranges, errors: wrong } = readRanges(item.allowedAddresses ?? [], `${path}/allowedAddresses`)
      errors.push(...problemsOf(item, path, now), ...wrong)
      const roles = await requireRoles(tx, source.projectId, item.roles ?? [])
      prepared.push({ item, recognition, roles, allowedAddresses: ranges })
    }
    if (errors.length >= ERRORS_MAX) break
  }
  if (errors.length > 0) throw new DomainError('request.invalid', null, { errors })
  return prepared
}

function problemsOf(item: ImportItem, path: string, now: number): readonly FieldError[] {
  const errors: FieldError[] = []
  const times = { notBefore: item.notBefore ?? null, expiresAt: item.expiresAt ?? null }
  if (!areSensible(times, now))
    errors.push({
      path: `${path}/expiresAt`,
      message: 'must lie after now and after notBefore, within ten years',
    })
  if ((item.createdAt ?? 0) > now) errors.push({ path: `${path}/createdAt`, message: 'lies in the future' })
  if ((item.permissions ?? []).length + (item.roles ?? []).length === 0)
    errors.push({ path, message: 'give the key at least one permission or role' })
  return errors
}

interface Owners {
  readonly of: (item: ImportItem) => OwnerId
  readonly created: number
}

/** The owners that items name, those included that were made for it. */
async function ownersOf(
  domain: Domain,
  tx: Transaction,
  by: Authorized<'keys:import'>,
  { projectId }: ImportSource,
  fresh: readonly Prepared[],
  createOwners: boolean,
): Promise<Owners> {
  const names = [...new Set(fresh.map(({ item }) => item.ownerExternalId))]
  const found = await tx.ownersByExternalIds(projectId, names)
  const ids = new Map(found.map((owner) => [owner.externalId, owner.id]))
  const missing = names.filter((name) => !ids.has(name))
  if (missing.length > 0 && !createOwners) {
    const message = `There is no owner ${missing.slice(0, ERRORS_MAX).join(', ')}: create them, or say createOwners.`
    throw new DomainError('owner.not_found', message)
  }
  if (missing.length > 0 && !by.canGive(['owners:create']))
    throw new DomainError('access.denied', 'To create owners it needs the permission owners:create.')
  for (const externalId of missing) {
    const id = newId('owner', domain.clock, domain.random)
    const owner: Owner = {
      ...{ id, version: 1, createdAt: domain.clock(), projectId, externalId, name: '', metadata: {} },
    }
    await tx.saveOwner(null, owner)
    ids.set(externalId, id)
  }
  return {
    of({ ownerExternalId }) {
      const id = ids.get(ownerExternalId)
      if (id === undefined) throw new Error('an item without its owner')
      return id
    },
    created: missing.length,
  }
}

/** What all of them may do, where that is the same; else only the commitments of the keys say it. */
function commonRights(fresh: readonly Prepared[]): Readonly<Record<string, readonly string[]>> {
  const all = new Set(fresh.map(({ item, roles }) => JSON.stringify([item.permissions ?? [], roles])))
  const [first] = fresh
  if (all.size !== 1 || first === undefined) return {}
  return {
    permissions: first.item.permissions ?? [],
    ...(first.roles.length === 0 ? {} : { roles: first.roles }),
  }
}

function importedKey(
  domain: Domain,
  { id: sourceId, projectId, environment }: ImportSource,
  { item, recognition, roles, allowedAddresses }: Prepared,
  ownerId: OwnerId,
): ApiKey {
  const { ref, digest, slowHash } = recognition
  const { createdAt, ...described } = item
  const key = newKey(
    domain,
    { ...described, kind: 'key', projectId, environment, ownerId, roles, allowedAddresses },
    { locator: newLocator(domain.random), digest, ...(createdAt === undefined ? {} : { createdAt }) },
  )
  const hash = slowHash === null ? null : domain.cipher.encrypt(hashContext(key.id), Buffer.from(slowHash))
  return { ...key, imported: { sourceId, ref, hash, upgradedIn: null } }
}
