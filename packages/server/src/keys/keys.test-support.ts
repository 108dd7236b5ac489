import { createOwner } from '../owners/create.ts'
import { createRole, type NewRole } from '../roles/create.ts'
import type { ApiKey, Owner, Role } from '../storage/records.ts'
import { may, type Installation } from '../world.test-support.ts'
import { type Issued, issueKey, issueRootKey, type NewKey, type NewRootKey } from './issue.ts'
import { rotateKey, type Rotated } from './rotate.ts'
import { suspendKey } from './suspend.ts'

let owners = 0

type Home = Pick<Installation, 'domain' | 'projectId'>
/** With a clock besides. */
type Clocked = Home & Pick<Installation, 'clock'>

export async function anOwner(world: Home): Promise<Owner> {
  owners += 1
  return createOwner(world.domain, may('owners:create'), {
    projectId: world.projectId,
    externalId: `o-${owners}`,
  })
}

/** A role that gives `market:read`, unless said otherwise. */
export async function aRole(world: Home, input: Partial<NewRole> = {}): Promise<Role> {
  owners += 1
  return createRole(world.domain, may('roles:create'), {
    projectId: world.projectId,
    name: `role-${owners}`,
    permissions: ['market:read'],
    ...input,
  })
}

/** A production API key with `market:read`, unless said otherwise. */
export async function aKey(world: Home, input: Partial<NewKey> = {}): Promise<Issued> {
  const ownerId = input.ownerId ?? (await anOwner(world)).id
  return issueKey(world.domain, may('keys:create'), {
    projectId: world.projectId,
    environment: 'production',
    permissions: ['market:read'],
    ...input,
    ownerId,
  })
}

/** A root key that expires in a day. */
export async function aRootKey(world: Clocked, input: Partial<NewRootKey> = {}): Promise<Issued> {
  return issueRootKey(world.domain, may('root-keys:create'), {
    projectId: world.projectId,
    environment: 'production',
    permissions: ['keys:verify'],
    expiresAt: world.clock.now + 86_400_000,
    ...input,
  })
}

export async function suspended(world: Home, id: string): Promise<ApiKey> {
  return suspendKey(world.domain, may('keys:suspend'), 'issued', id, 'unspecified')
}

export async function rotated(world: Home, id: string, overlapSeconds: number): Promise<Rotated> {
  return rotateKey(world.domain, may('keys:rotate'), 'issued', id, { overlapSeconds, reason: 'scheduled' })
}
