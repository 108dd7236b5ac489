import { ENVIRONMENTS } from '@keystead/protocol/api-key'
import type { Authorized } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { newId } from '../ids.ts'
import { DEFAULT_POLICY, type Project, type ProjectEnvironment } from '../storage/records.ts'
import type { Transaction } from '../storage/store.ts'

export interface ProjectWithEnvironments extends Project {
  readonly environments: readonly ProjectEnvironment[]
}

/** Makes a project with its three environments. */
export async function createProject(
  domain: Domain,
  by: Authorized<'projects:create'>,
  input: { readonly name: string },
): Promise<ProjectWithEnvironments> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const project = await addProject(domain, tx, input.name)
    tx.record({ action: 'project.created', projectId: project.id, environment: null })
    return project
  })
  return value
}

/** Saves a new project and its environments in an open transaction; the caller records the event. */
export async function addProject(
  domain: Domain,
  tx: Transaction,
  name: string,
): Promise<ProjectWithEnvironments> {
  const stored = { version: 1, createdAt: domain.clock() }
  const project: Project = { ...stored, id: newId('project', domain.clock, domain.random), name }
  await tx.saveProject(project)
  const environments: ProjectEnvironment[] = []
  for (const environment of ENVIRONMENTS) {
    const id = newId('environment', domain.clock, domain.random)
    environments.push({ ...stored, id, projectId: project.id, environment, policy: DEFAULT_POLICY })
  }
  for (const environment of environments) await tx.saveEnvironment(null, environment)
  return { ...project, environments }
}
