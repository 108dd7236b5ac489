import { Type } from 'typebox'
import { mayReadBack } from '../../../access/authorize.ts'
import { getEnvironment, updatePolicy } from '../../../projects/policy.ts'
import { operation } from '../../operation.ts'
import {
  closed,
  EnvironmentSchema,
  PolicyEnvironmentSchema,
  PolicySchema,
  ProjectIdSchema,
} from '../../schemas.ts'

export const updateEnvironmentOperation = operation({
  id: 'environments.update',
  method: 'PATCH',
  path: '/v1/projects/{projectId}/environments/{environment}',
  summary: 'Change the policy of an environment; the keys that are there follow it at once',
  permission: 'environments:update',
  audit: 'environment.updated',
  status: 200,
  params: closed({ projectId: ProjectIdSchema, environment: EnvironmentSchema }),
  body: Type.Partial(PolicySchema, { additionalProperties: false }),
  output: PolicyEnvironmentSchema,
  errors: ['environment.not_found'],
  repeat: async ({ domain }, by, _done, { params }) =>
    getEnvironment(domain, mayReadBack<'environments:read'>(by), params.projectId, params.environment),
  handle: async ({ domain }, by, { params, body }) =>
    updatePolicy(domain, by, params.projectId, params.environment, body),
})
