import { Type } from 'typebox'
import { listOwners } from '../../../owners/read.ts'
import { operation } from '../../operation.ts'
import { pageRequest } from '../../present.ts'
import { closed, ExternalIdSchema, OwnerSchema, pageOf, PageQuery, ProjectIdSchema } from '../../schemas.ts'

export const listOwnersOperation = operation({
  id: 'owners.list',
  method: 'GET',
  path: '/v1/owners',
  summary: 'List owners',
  permission: 'owners:read',
  audit: null,
  status: 200,
  query: closed({
    ...PageQuery,
    projectId: Type.Optional(ProjectIdSchema),
    externalId: Type.Optional(ExternalIdSchema),
  }),
  output: pageOf(OwnerSchema),
  errors: [],
  handle: async ({ domain }, by, { query }) => {
    const page = await listOwners(domain, by, query, pageRequest(query))
    return { ...page, items: [...page.items] }
  },
})
