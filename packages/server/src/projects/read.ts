import { type Authorized, isWithin } from '../access/authorize.ts'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import type { Page } from '../storage/records.ts'
import type { PageRequest } from '../storage/store.ts'
import type { ProjectWithEnvironments } from './create.ts'

/** One project with its environments. `project.not_found` outside the caller's reach. */
export async function getProject(
  domain: Domain,
  by: Authorized<'projects:read'>,
  id: string,
): Promise<ProjectWithEnvironments> {
  const project = await domain.store.reader.project(id)
  if (project === null || !isWithin(by.reach, { projectId: project.id }))
    throw new DomainError('project.not_found')
  return { ...project, environments: await domain.store.reader.environments(project.id) }
}

/** The projects within the caller's reach, oldest first. */
export async function listProjects(
  domain: Domain,
  by: Authorized<'projects:read'>,
  page: PageRequest,
): Promise<Page<ProjectWithEnvironments>> {
  const { items, nextCursor } = await domain.store.reader.projects(by.reach.projectId, page)
  const projects: ProjectWithEnvironments[] = []
  for (const project of items) {
    projects.push({ ...project, environments: await domain.store.reader.environments(project.id) })
  }
  return { items: projects, nextCursor }
}
