import type { Environment } from '@keystead/protocol/api-key'
import { type Authorized, isWithin, requireEnvironment } from '../../access/authorize.ts'
import type { Action } from '../../access/actions.ts'
import type { Domain } from '../../domain.ts'
import { DomainError } from '../../errors.ts'
import { type ImportSourceId, newId, type ProjectId } from '../../ids.ts'
import { resolveProject } from '../../projects/resolve.ts'
import type { ImportAlgorithm, ImportSource, LookupRule, Page } from '../../storage/records.ts'
import type { PageRequest } from '../../storage/store.ts'
import { isFast } from './fast-hash.ts'

/** Every text that is not one of our own is hashed once for each source of its environment. */
const SOURCES_MAX = 8
const SECRET_BYTES_MAX = 1_024

export interface NewImportSource {
  readonly projectId?: string
  readonly environment: Environment
  readonly name: string
  readonly algorithm: ImportAlgorithm
  readonly lookup?: LookupRule
  readonly hashes?: ImportSource['hashes']
  /** The HMAC key of the other system; for hmac-sha256 only. */
  readonly secret?: string
  readonly secretEncoding?: 'utf8' | 'hex' | 'base64'
}

/**
 * Describes how another system kept the keys of one environment; it cannot be changed afterwards, since texts are
 * recognised by it. `request.invalid` for a description that makes no sense, `import_source.exists`,
 * `import_source.too_many`, `project.not_found`, `access.denied` for another environment than the credential's.
 */
export async function createImportSource(
  domain: Domain,
  by: Authorized<'import-sources:create'>,
  input: NewImportSource,
): Promise<ImportSource> {
  requireEnvironment(by.reach, input.environment)
  requireSense(input)
  const secret = input.secret === undefined ? null : readSecret(input.secret, input.secretEncoding ?? 'utf8')
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const projectId = await resolveProject(tx, by.reach, input.projectId)
    const others = await tx.importSourcesOf(projectId, input.environment)
    if (others.some(({ name }) => name === input.name)) throw new DomainError('import_source.exists')
    if (others.length >= SOURCES_MAX) throw new DomainError('import_source.too_many')
    const id = newId('importSource', domain.clock, domain.random)
    const source: ImportSource = {
      id,
      version: 1,
      createdAt: domain.clock(),
      projectId,
      environment: input.environment,
      name: input.name,
      algorithm: input.algorithm,
      lookup: input.lookup ?? null,
      hashes: input.hashes ?? 'text',
      secret: secret === null ? null : domain.cipher.encrypt(secretContext(id), secret),
    }
    await tx.saveImportSource(source)
    tx.record({
      action: 'import_source.created',
      projectId,
      environment: source.environment,
      details: { algorithm: source.algorithm, hashes: source.hashes, lookup: lookupWord(source.lookup) },
    })
    return source
  })
  return value
}

/** One source. `import_source.not_found` outside the caller's reach. */
export async function getImportSource(
  domain: Domain,
  by: Authorized<'import-sources:read'>,
  id: string,
): Promise<ImportSource> {
  return requireImportSource(await domain.store.reader.importSource(id), by)
}

/** Sources within the caller's reach, oldest first; a page may hold fewer than its limit before the end. */
export async function listImportSources(
  domain: Domain,
  by: Authorized<'import-sources:read'>,
  filter: { readonly projectId?: string },
  page: PageRequest,
): Promise<Page<ImportSource>> {
  const projectId = (filter.projectId ?? by.reach.projectId) as ProjectId | null
  if (!isWithin(by.reach, { projectId })) return { items: [], nextCursor: null }
  const { items, nextCursor } = await domain.store.reader.importSources(projectId, page)
  return { items: items.filter((source) => isWithin(by.reach, source)), nextCursor }
}

/** The source if it lies within the caller's reach; `import_source.not_found` otherwise. */
export function requireImportSource(source: ImportSource | null, by: Authorized<Action>): ImportSource {
  if (source === null || !isWithin(by.reach, source)) throw new DomainError('import_source.not_found')
  return source
}

/** What a source's HMAC key is encrypted for. */
export function secretContext(id: ImportSourceId): string {
  return `import_source/${id}/secret`
}

function requireSense({ algorithm, lookup, hashes, secret, secretEncoding }: NewImportSource): void {
  const needsSecret = algorithm === 'hmac-sha256'
  const problems: readonly (readonly [boolean, string, string])[] = [
    [
      needsSecret && secret === undefined,
      'secret',
      'hmac-sha256 needs the key that the hashes were made with',
    ],
    [!needsSecret && secret !== undefined, 'secret', `${algorithm} has no key`],
    [secret === undefined && secretEncoding !== undefined, 'secretEncoding', 'there is no secret'],
    [
      !isFast(algorithm) && lookup === undefined,
      'lookup',
      `${algorithm} is slow: say which part of a text finds its key, or each text would cost a hash for each key`,
    ],
    [
      hashes === 'rest' && lookup === undefined,
      'hashes',
      '`rest` is what comes after a look-up part: give `lookup`',
    ],
    [
      isFast(algorithm) && lookup !== undefined && hashes !== 'rest',
      'lookup',
      `a key with ${algorithm} of its whole text is found by that: leave it out, or say that only the rest is hashed`,
    ],
  ]
  const errors = problems.flatMap(([is, field, message]) => (is ? [{ path: `/body/${field}`, message }] : []))
  if (errors.length > 0) throw new DomainError('request.invalid', null, { errors })
}

function readSecret(text: string, encoding: 'utf8' | 'hex' | 'base64'): Uint8Array {
  const bytes = Buffer.from(text, encoding)
  const bare = text.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/')
  const isWhole =
    encoding === 'utf8' ||
    (encoding === 'hex'
      ? bytes.length * 2 === text.length
      : bytes.toString('base64').replace(/=+$/, '') === bare)
  if (isWhole && bytes.length > 0 && bytes.length <= SECRET_BYTES_MAX) return bytes
  const message = `must be 1 to ${SECRET_BYTES_MAX} bytes as ${encoding}`
  throw new DomainError('request.invalid', null, { errors: [{ path: '/body/secret', message }] })
}

function lookupWord(rule: LookupRule | null): string {
  if (rule === null) return 'none'
  return 'length' in rule ? 'length' : 'separator'
}
