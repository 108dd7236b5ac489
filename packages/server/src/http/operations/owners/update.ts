import { updateOwner } from '../../../owners/update.ts'
import { operation } from '../../operation.ts'
import { closed, NameSchema, OwnerIdSchema, OwnerSchema } from '../../schemas.ts'

export const updateOwnerOperation = operation({
  id: 'owners.update',
  method: 'PATCH',
  path: '/v1/owners/{ownerId}',
  summary: 'Rename an owner',
  permission: 'owners:update',
  audit: 'owner.updated',
  status: 200,
  params: closed({ ownerId: OwnerIdSchema }),
  body: closed({ name: NameSchema }),
  output: OwnerSchema,
  errors: ['owner.not_found'],
  handle: async ({ domain }, by, { params, body }) => updateOwner(domain, by, params.ownerId, body),
})
