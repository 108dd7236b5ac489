import type { Environment } from '@keystead/protocol/api-key'
import { type Authorized, isWithin } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import type { EnvironmentPolicy, ProjectEnvironment } from '../storage/records.ts'

type MayRead = Authorized<'environments:read'> | Authorized<'environments:update'>

/** One environment with its policy. `environment.not_found` outside the caller's reach. */
export async function getEnvironment(
  domain: Domain,
  by: Authorized<'environments:read'>,
  projectId: string,
  environment: Environment,
): Promise<ProjectEnvironment> {
  return requireVisible(await domain.store.reader.environment(projectId, environment), by)
}

/**
 * Changes how long keys of an environment may live and lie idle; those that are there follow it at once.
 * `environment.not_found` outside the caller's reach.
 */
export async function updatePolicy(
  domain: Domain,
  by: Authorized<'environments:update'>,
  projectId: string,
  environment: Environment,
  change: Partial<EnvironmentPolicy>,
): Promise<ProjectEnvironment> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const held = requireVisible(await tx.environment(projectId, environment), by)
    const policy: EnvironmentPolicy = { ...held.policy, ...change }
    const next: ProjectEnvironment = { ...held, version: held.version + 1, policy }
    await tx.saveEnvironment(held, next)
    tx.record({
      action: 'environment.updated',
      projectId: held.projectId,
      environment: held.environment,
      details: { ...policy },
    })
    return next
  })
  return value
}

function requireVisible(environment: ProjectEnvironment | null, by: MayRead): ProjectEnvironment {
  if (environment === null || !isWithin(by.reach, environment)) throw new DomainError('environment.not_found')
  return environment
}
