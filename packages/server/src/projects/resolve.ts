import { isWithin, type Reach } from '../access/authorize.ts'
import { DomainError } from '../errors.ts'
import type { ProjectId } from '../ids.ts'
import type { Transaction } from '../storage/store.ts'

/**
 * The project that a request means: the one it names, else the credential's, else the only one there is.
 * `project.not_found` outside the caller's reach, `project.required` when there is a choice.
 */
export async function resolveProject(
  tx: Transaction,
  reach: Reach,
  named: string | undefined,
): Promise<ProjectId> {
  const id = named ?? reach.projectId
  const project = id === null ? await tx.onlyProject() : await tx.project(id)
  if (project === null) throw new DomainError(id === null ? 'project.required' : 'project.not_found')
  if (!isWithin(reach, { projectId: project.id })) throw new DomainError('project.not_found')
  return project.id
}
