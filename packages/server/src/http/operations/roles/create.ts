import { Type } from 'typebox'
import { createRole } from '../../../roles/create.ts'
import { roleAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentRole } from '../../present.ts'
import {
  closed,
  NameSchema,
  PermissionsSchema,
  ProjectIdSchema,
  RoleNameSchema,
  RoleSchema,
} from '../../schemas.ts'

export const createRoleOperation = operation({
  id: 'roles.create',
  method: 'POST',
  path: '/v1/roles',
  summary: 'Add a role, a named set of permissions, to a project',
  permission: 'roles:create',
  audit: 'role.created',
  status: 201,
  body: closed({
    projectId: Type.Optional(ProjectIdSchema),
    name: RoleNameSchema,
    description: Type.Optional(NameSchema),
    permissions: PermissionsSchema,
  }),
  output: RoleSchema,
  errors: ['project.required', 'project.not_found', 'role.exists'],
  repeat: roleAgain,
  handle: async ({ domain }, by, { body }) => presentRole(await createRole(domain, by, body)),
})
