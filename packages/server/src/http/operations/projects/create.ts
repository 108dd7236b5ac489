import { createProject } from '../../../projects/create.ts'
import { projectAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { closed, NameSchema, ProjectSchema } from '../../schemas.ts'

export const createProjectOperation = operation({
  id: 'projects.create',
  method: 'POST',
  path: '/v1/projects',
  summary: 'Make a project with its three environments',
  permission: 'projects:create',
  installationWide: true,
  audit: 'project.created',
  status: 201,
  body: closed({ name: NameSchema }),
  output: ProjectSchema,
  errors: [],
  repeat: projectAgain,
  handle: async ({ domain }, by, { body }) => {
    const project = await createProject(domain, by, body)
    return { ...project, environments: [...project.environments] }
  },
})
