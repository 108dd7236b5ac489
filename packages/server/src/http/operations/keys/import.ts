import { Type } from 'typebox'
import { importKeys } from '../../../keys/import/import.ts'
import { ImportedSchema, ImportItemsSchema, ImportSourceIdSchema } from '../../import-schemas.ts'
import { operation } from '../../operation.ts'
import { closed } from '../../schemas.ts'

/** A thousand items of the usual kind have about 300 KiB. */
const BODY_BYTES_MAX = 2 * 1_048_576

export const importKeysOperation = operation({
  id: 'keys.import',
  method: 'POST',
  path: '/v1/keys:import',
  summary:
    'Take over up to 1,000 keys of another system by their hashes, all or none; the same again changes nothing',
  permission: 'keys:import',
  audit: 'key.imported',
  status: 200,
  bodyBytesMax: BODY_BYTES_MAX,
  body: closed({
    sourceId: ImportSourceIdSchema,
    createOwners: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'make owners that are not there yet; needs owners:create',
      }),
    ),
    items: ImportItemsSchema,
  }),
  output: ImportedSchema,
  errors: ['import_source.not_found', 'owner.not_found', 'role.not_found'],
  repeat: 'again',
  handle: async ({ domain }, by, { body }) => {
    const items = await importKeys(domain, by, { ...body, createOwners: body.createOwners ?? false })
    return { items: [...items] }
  },
})
