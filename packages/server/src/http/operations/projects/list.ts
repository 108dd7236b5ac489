import { listProjects } from '../../../projects/read.ts'
import { operation } from '../../operation.ts'
import { pageRequest } from '../../present.ts'
import { closed, pageOf, PageQuery, ProjectSchema } from '../../schemas.ts'

export const listProjectsOperation = operation({
  id: 'projects.list',
  method: 'GET',
  path: '/v1/projects',
  summary: 'List the projects within the credential’s reach',
  permission: 'projects:read',
  audit: null,
  status: 200,
  query: closed(PageQuery),
  output: pageOf(ProjectSchema),
  errors: [],
  handle: async ({ domain }, by, { query }) => {
    const { items, nextCursor } = await listProjects(domain, by, pageRequest(query))
    return {
      items: items.map((project) => ({ ...project, environments: [...project.environments] })),
      nextCursor,
    }
  },
})
