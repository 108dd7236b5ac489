import { Type } from 'typebox'
import { listRoles } from '../../../roles/read.ts'
import { operation } from '../../operation.ts'
import { pageRequest, presentRole } from '../../present.ts'
import { closed, pageOf, PageQuery, ProjectIdSchema, RoleSchema } from '../../schemas.ts'

export const listRolesOperation = operation({
  id: 'roles.list',
  method: 'GET',
  path: '/v1/roles',
  summary: 'List roles, oldest first',
  permission: 'roles:read',
  audit: null,
  status: 200,
  query: closed({ ...PageQuery, projectId: Type.Optional(ProjectIdSchema) }),
  output: pageOf(RoleSchema),
  errors: [],
  handle: async ({ domain }, by, { query }) => {
    const { items, nextCursor } = await listRoles(domain, by, query, pageRequest(query))
    return { items: items.map(presentRole), nextCursor }
  },
})
