import { getProject } from '../../../projects/read.ts'
import { operation } from '../../operation.ts'
import { closed, ProjectIdSchema, ProjectSchema } from '../../schemas.ts'

export const getProjectOperation = operation({
  id: 'projects.get',
  method: 'GET',
  path: '/v1/projects/{projectId}',
  summary: 'Show one project',
  permission: 'projects:read',
  audit: null,
  status: 200,
  params: closed({ projectId: ProjectIdSchema }),
  output: ProjectSchema,
  errors: ['project.not_found'],
  handle: async ({ domain }, by, { params }) => {
    const project = await getProject(domain, by, params.projectId)
    return { ...project, environments: [...project.environments] }
  },
})
