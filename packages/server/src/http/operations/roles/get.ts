import { getRole } from '../../../roles/read.ts'
import { operation } from '../../operation.ts'
import { presentRole } from '../../present.ts'
import { closed, RoleIdSchema, RoleSchema } from '../../schemas.ts'

export const getRoleOperation = operation({
  id: 'roles.get',
  method: 'GET',
  path: '/v1/roles/{roleId}',
  summary: 'Show one role',
  permission: 'roles:read',
  audit: null,
  status: 200,
  params: closed({ roleId: RoleIdSchema }),
  output: RoleSchema,
  errors: ['role.not_found'],
  handle: async ({ domain }, by, { params }) => presentRole(await getRole(domain, by, params.roleId)),
})
