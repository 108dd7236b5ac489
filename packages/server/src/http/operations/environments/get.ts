import { getEnvironment } from '../../../projects/policy.ts'
import { operation } from '../../operation.ts'
import { closed, EnvironmentSchema, PolicyEnvironmentSchema, ProjectIdSchema } from '../../schemas.ts'

export const getEnvironmentOperation = operation({
  id: 'environments.get',
  method: 'GET',
  path: '/v1/projects/{projectId}/environments/{environment}',
  summary: 'Show an environment with its policy: how long keys live, lie idle and overlap',
  permission: 'environments:read',
  audit: null,
  status: 200,
  params: closed({ projectId: ProjectIdSchema, environment: EnvironmentSchema }),
  output: PolicyEnvironmentSchema,
  errors: ['environment.not_found'],
  handle: async ({ domain }, by, { params }) =>
    getEnvironment(domain, by, params.projectId, params.environment),
})
