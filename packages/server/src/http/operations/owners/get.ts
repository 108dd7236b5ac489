import { getOwner } from '../../../owners/read.ts'
import { operation } from '../../operation.ts'
import { closed, OwnerIdSchema, OwnerSchema } from '../../schemas.ts'

export const getOwnerOperation = operation({
  id: 'owners.get',
  method: 'GET',
  path: '/v1/owners/{ownerId}',
  summary: 'Show one owner',
  permission: 'owners:read',
  audit: null,
  status: 200,
  params: closed({ ownerId: OwnerIdSchema }),
  output: OwnerSchema,
  errors: ['owner.not_found'],
  handle: async ({ domain }, by, { params }) => getOwner(domain, by, params.ownerId),
})
