import { Type } from 'typebox'
import { listImportSources } from '../../../keys/import/source.ts'
import { ImportSourceSchema, presentImportSource } from '../../import-schemas.ts'
import { operation } from '../../operation.ts'
import { pageRequest } from '../../present.ts'
import { closed, pageOf, PageQuery, ProjectIdSchema } from '../../schemas.ts'

export const listImportSourcesOperation = operation({
  id: 'import-sources.list',
  method: 'GET',
  path: '/v1/import-sources',
  summary: 'List import sources, oldest first',
  permission: 'import-sources:read',
  audit: null,
  status: 200,
  query: closed({ ...PageQuery, projectId: Type.Optional(ProjectIdSchema) }),
  output: pageOf(ImportSourceSchema),
  errors: [],
  handle: async ({ domain }, by, { query }) => {
    const { items, nextCursor } = await listImportSources(domain, by, query, pageRequest(query))
    return { items: items.map(presentImportSource), nextCursor }
  },
})
