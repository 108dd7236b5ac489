import { Type } from 'typebox'
import { issueRootKey } from '../../../keys/issue.ts'
import { issuedAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentIssued } from '../../present.ts'
import {
  closed,
  EnvironmentSchema,
  IssuedSchema,
  NameSchema,
  nullable,
  PermissionsSchema,
  ProjectIdSchema,
  TimeSchema,
} from '../../schemas.ts'

export const createRootKeyOperation = operation({
  id: 'root-keys.create',
  method: 'POST',
  path: '/v1/root-keys',
  summary: 'Issue a root key to an operator’s automation, no stronger than the credential that asks',
  permission: 'root-keys:create',
  audit: 'root_key.created',
  status: 201,
  body: closed({
    projectId: Type.Optional(nullable(ProjectIdSchema)),
    environment: Type.Optional(nullable(EnvironmentSchema)),
    name: Type.Optional(NameSchema),
    permissions: PermissionsSchema,
    expiresAt: TimeSchema,
  }),
  output: IssuedSchema,
  errors: ['access.escalation', 'project.required', 'project.not_found', 'key.invalid_times'],
  repeat: issuedAgain('root'),
  handle: async ({ domain }, by, { body }) =>
    presentIssued(await issueRootKey(domain, by, body), [], domain.clock()),
})
