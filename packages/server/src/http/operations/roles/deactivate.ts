import { deactivateRole } from '../../../roles/update.ts'
import { roleAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentRole } from '../../present.ts'
import { closed, RoleIdSchema, RoleSchema } from '../../schemas.ts'

export const deactivateRoleOperation = operation({
  id: 'roles.deactivate',
  method: 'POST',
  path: '/v1/roles/{roleId}/deactivate',
  summary: 'End a role for ever: it grants and denies nothing any more',
  permission: 'roles:deactivate',
  audit: 'role.deactivated',
  status: 200,
  params: closed({ roleId: RoleIdSchema }),
  body: closed({}),
  output: RoleSchema,
  errors: ['role.not_found', 'role.deactivated'],
  repeat: roleAgain,
  handle: async ({ domain }, by, { params }) => presentRole(await deactivateRole(domain, by, params.roleId)),
})
