import { Type } from 'typebox'
import { issueKey } from '../../../keys/issue.ts'
import { issuedAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentIssued } from '../../present.ts'
import {
  AddressesSchema,
  closed,
  EnvironmentSchema,
  IssuedSchema,
  NameSchema,
  OwnerIdSchema,
  PermissionsSchema,
  ProjectIdSchema,
  RolesSchema,
  TimeSchema,
} from '../../schemas.ts'

export const createKeyOperation = operation({
  id: 'keys.create',
  method: 'POST',
  path: '/v1/keys',
  summary: 'Issue an API key to an owner; the secret is in this answer and nowhere else',
  permission: 'keys:create',
  audit: 'key.created',
  status: 201,
  body: closed({
    projectId: Type.Optional(ProjectIdSchema),
    environment: EnvironmentSchema,
    ownerId: OwnerIdSchema,
    name: Type.Optional(NameSchema),
    permissions: Type.Optional(PermissionsSchema),
    roles: Type.Optional(RolesSchema),
    allowedAddresses: Type.Optional(AddressesSchema),
    notBefore: Type.Optional(TimeSchema),
    expiresAt: Type.Optional(TimeSchema),
  }),
  output: IssuedSchema,
  errors: [
    'project.required',
    'project.not_found',
    'owner.not_found',
    'role.not_found',
    'key.invalid_times',
    'key.invalid_addresses',
  ],
  repeat: issuedAgain('issued'),
  handle: async ({ domain }, by, { body }) =>
    presentIssued(
      await issueKey(domain, by, { ...body, permissions: body.permissions ?? [] }),
      [],
      domain.clock(),
    ),
})
