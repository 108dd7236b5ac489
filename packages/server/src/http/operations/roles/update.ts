import { Type } from 'typebox'
import { updateRole } from '../../../roles/update.ts'
import { roleAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentRole } from '../../present.ts'
import { closed, NameSchema, PermissionsSchema, RoleIdSchema, RoleSchema } from '../../schemas.ts'

export const updateRoleOperation = operation({
  id: 'roles.update',
  method: 'PATCH',
  path: '/v1/roles/{roleId}',
  summary: 'Change what a role gives; every key that has it is judged by that at once',
  permission: 'roles:update',
  audit: 'role.updated',
  status: 200,
  params: closed({ roleId: RoleIdSchema }),
  body: closed({
    description: Type.Optional(NameSchema),
    permissions: Type.Optional(PermissionsSchema),
  }),
  output: RoleSchema,
  errors: ['role.not_found', 'role.deactivated'],
  repeat: roleAgain,
  handle: async ({ domain }, by, { params, body }) =>
    presentRole(await updateRole(domain, by, params.roleId, body)),
})
