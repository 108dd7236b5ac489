import { Type } from 'typebox'
import { listKeys } from '../../../keys/read.ts'
import { operation } from '../../operation.ts'
import { pageRequest, presentKey } from '../../present.ts'
import {
  closed,
  EnvironmentSchema,
  KeySchema,
  OwnerIdSchema,
  pageOf,
  PageQuery,
  ProjectIdSchema,
  RoleIdSchema,
  VisibleStateSchema,
} from '../../schemas.ts'

export const listKeysOperation = operation({
  id: 'keys.list',
  method: 'GET',
  path: '/v1/keys',
  summary: 'List API keys, oldest first',
  permission: 'keys:read',
  audit: null,
  status: 200,
  query: closed({
    ...PageQuery,
    projectId: Type.Optional(ProjectIdSchema),
    environment: Type.Optional(EnvironmentSchema),
    ownerId: Type.Optional(OwnerIdSchema),
    roleId: Type.Optional(RoleIdSchema),
    state: Type.Optional(VisibleStateSchema),
  }),
  output: pageOf(KeySchema),
  errors: [],
  handle: async ({ domain }, by, { query }) => {
    const { items, nextCursor } = await listKeys(domain, by, 'issued', query, pageRequest(query))
    return { items: items.map(({ key, uses }) => presentKey(key, uses, domain.clock())), nextCursor }
  },
})
