/** Answers to repeated requests: what the change has made or changed, as it is now, and never a secret. */
import type { Static, TSchema } from 'typebox'
import type { TargetType } from '@keystead/protocol/lifecycle'
import type { Action } from '../access/actions.ts'
import { type Authorized, mayReadBack } from '../access/authorize.ts'
import { getBulkOperation } from '../keys/bulk/undo.ts'
import type { KeyClass } from '../keys/find.ts'
import { getImportSource } from '../keys/import/source.ts'
import { getKey } from '../keys/read.ts'
import { getOwner } from '../owners/read.ts'
import { getProject } from '../projects/read.ts'
import { getRole } from '../roles/read.ts'
import type { DoneRequest } from '../storage/records.ts'
import type { Services } from './operation.ts'
import { type BulkOperationSchema, presentBulkOperation } from './bulk-schemas.ts'
import { type ImportSourceSchema, presentImportSource } from './import-schemas.ts'
import { presentKey, presentRole } from './present.ts'
import type {
  IssuedSchema,
  KeySchema,
  OwnerSchema,
  ProjectSchema,
  RevokedSchema,
  RoleSchema,
  RotatedSchema,
} from './schemas.ts'

type Repeat<O extends TSchema> = <A extends Action>(
  services: Pick<Services, 'domain'>,
  by: Authorized<A>,
  done: DoneRequest,
) => Promise<Static<O>>

/** The id of what the request made or changed. */
function targetOf({ targets }: DoneRequest, type: TargetType): string {
  const target = targets.find((each) => each.type === type)
  if (target === undefined) throw new Error(`a done request without its ${type}`)
  return target.id
}

export function keyAgain(keyClass: KeyClass): Repeat<typeof KeySchema> {
  return async ({ domain }, by, done) => {
    const id = targetOf(done, keyClass === 'root' ? 'root_key' : 'api_key')
    const { key, uses } = await getKey(domain, mayReadBack<'keys:read'>(by), keyClass, id)
    return presentKey(key, uses, domain.clock())
  }
}

export function issuedAgain(keyClass: KeyClass): Repeat<typeof IssuedSchema> {
  return async (services, by, done) => ({
    key: await keyAgain(keyClass)(services, by, done),
    secretAvailable: false,
  })
}

export function rotatedAgain(keyClass: KeyClass): Repeat<typeof RotatedSchema> {
  return async (services, by, done) => {
    const issued = await issuedAgain(keyClass)(services, by, done)
    return { ...issued, previousAcceptedUntil: issued.key.versions[1]?.acceptedUntil ?? null }
  }
}

/** With the position from which on every verifier refuses the key. */
export function revokedAgain(keyClass: KeyClass): Repeat<typeof RevokedSchema> {
  return async (services, by, done) => {
    const key = await keyAgain(keyClass)(services, by, done)
    const action = keyClass === 'root' ? 'root_key.revoked' : 'key.revoked'
    const { reader } = services.domain.store
    const [position] = await reader.auditPositions({ targetId: key.id, action }, -1, 1)
    if (position === undefined) throw new Error('a revocation that the log does not have')
    return { key, position }
  }
}

export const roleAgain: Repeat<typeof RoleSchema> = async ({ domain }, by, done) =>
  presentRole(await getRole(domain, mayReadBack<'roles:read'>(by), targetOf(done, 'role')))

export const ownerAgain: Repeat<typeof OwnerSchema> = async ({ domain }, by, done) =>
  getOwner(domain, mayReadBack<'owners:read'>(by), targetOf(done, 'owner'))

export const projectAgain: Repeat<typeof ProjectSchema> = async ({ domain }, by, done) => {
  const project = await getProject(domain, mayReadBack<'projects:read'>(by), targetOf(done, 'project'))
  return { ...project, environments: [...project.environments] }
}

export const importSourceAgain: Repeat<typeof ImportSourceSchema> = async ({ domain }, by, done) => {
  const id = targetOf(done, 'import_source')
  return presentImportSource(await getImportSource(domain, mayReadBack<'import-sources:read'>(by), id))
}

export const bulkOperationAgain: Repeat<typeof BulkOperationSchema> = async ({ domain }, by, done) => {
  const id = targetOf(done, 'bulk_operation')
  return presentBulkOperation(await getBulkOperation(domain, mayReadBack<'bulk-operations:read'>(by), id))
}
