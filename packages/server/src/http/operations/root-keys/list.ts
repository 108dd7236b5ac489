import { Type } from 'typebox'
import { listKeys } from '../../../keys/read.ts'
import { operation } from '../../operation.ts'
import { pageRequest, presentKey } from '../../present.ts'
import {
  closed,
  EnvironmentSchema,
  KeySchema,
  pageOf,
  PageQuery,
  ProjectIdSchema,
  VisibleStateSchema,
} from '../../schemas.ts'

export const listRootKeysOperation = operation({
  id: 'root-keys.list',
  method: 'GET',
  path: '/v1/root-keys',
  summary: 'List root keys, oldest first',
  permission: 'root-keys:read',
  audit: null,
  status: 200,
  query: closed({
    ...PageQuery,
    projectId: Type.Optional(ProjectIdSchema),
    environment: Type.Optional(EnvironmentSchema),
    state: Type.Optional(VisibleStateSchema),
  }),
  output: pageOf(KeySchema),
  errors: [],
  handle: async ({ domain }, by, { query }) => {
    const { items, nextCursor } = await listKeys(domain, by, 'root', query, pageRequest(query))
    return { items: items.map(({ key, uses }) => presentKey(key, uses, domain.clock())), nextCursor }
  },
})
