import { getImportSource } from '../../../keys/import/source.ts'
import { ImportSourceIdSchema, ImportSourceSchema, presentImportSource } from '../../import-schemas.ts'
import { operation } from '../../operation.ts'
import { closed } from '../../schemas.ts'

export const getImportSourceOperation = operation({
  id: 'import-sources.get',
  method: 'GET',
  path: '/v1/import-sources/{sourceId}',
  summary: 'Show one import source',
  permission: 'import-sources:read',
  audit: null,
  status: 200,
  params: closed({ sourceId: ImportSourceIdSchema }),
  output: ImportSourceSchema,
  errors: ['import_source.not_found'],
  handle: async ({ domain }, by, { params }) =>
    presentImportSource(await getImportSource(domain, by, params.sourceId)),
})
