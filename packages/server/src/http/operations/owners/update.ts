import { Type } from 'typebox'
import { updateOwner } from '../../../owners/update.ts'
import { ownerAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { closed, MetadataSchema, NameSchema, OwnerIdSchema, OwnerSchema } from '../../schemas.ts'

export const updateOwnerOperation = operation({
  id: 'owners.update',
  method: 'PATCH',
  path: '/v1/owners/{ownerId}',
  summary: 'Rename an owner, or replace the metadata that verifications answer with',
  permission: 'owners:update',
  audit: 'owner.updated',
  status: 200,
  params: closed({ ownerId: OwnerIdSchema }),
  body: closed({ name: Type.Optional(NameSchema), metadata: Type.Optional(MetadataSchema) }),
  output: OwnerSchema,
  errors: ['owner.not_found', 'owner.metadata_too_large'],
  repeat: ownerAgain,
  handle: async ({ domain }, by, { params, body }) => updateOwner(domain, by, params.ownerId, body),
})
