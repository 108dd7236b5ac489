import { Type } from 'typebox'
import { createOwner } from '../../../owners/create.ts'
import { ownerAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import {
  closed,
  ExternalIdSchema,
  MetadataSchema,
  NameSchema,
  OwnerSchema,
  ProjectIdSchema,
} from '../../schemas.ts'

export const createOwnerOperation = operation({
  id: 'owners.create',
  method: 'POST',
  path: '/v1/owners',
  summary: 'Add an owner to a project',
  permission: 'owners:create',
  audit: 'owner.created',
  status: 201,
  body: closed({
    projectId: Type.Optional(ProjectIdSchema),
    externalId: ExternalIdSchema,
    name: Type.Optional(NameSchema),
    metadata: Type.Optional(MetadataSchema),
  }),
  output: OwnerSchema,
  errors: ['project.required', 'project.not_found', 'owner.exists', 'owner.metadata_too_large'],
  repeat: ownerAgain,
  handle: async ({ domain }, by, { body }) => createOwner(domain, by, body),
})
