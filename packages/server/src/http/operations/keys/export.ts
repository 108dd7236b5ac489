import { Type } from 'typebox'
import { EXPORT_ALGORITHMS, exportKeys } from '../../../keys/import/export.ts'
import { operation } from '../../operation.ts'
import { pageRequest, presentKey } from '../../present.ts'
import {
  closed,
  EnvironmentSchema,
  KeySchema,
  nullable,
  pageOf,
  PageQuery,
  ProjectIdSchema,
} from '../../schemas.ts'

const ExportedSchema = closed({
  key: KeySchema,
  hashes: nullable(
    Type.Array(
      closed({
        versionNumber: Type.Integer(),
        algorithm: Type.Enum([...EXPORT_ALGORITHMS]),
        hash: Type.String(),
      }),
    ),
  ),
})

export const exportKeysOperation = operation({
  id: 'keys.export',
  method: 'POST',
  path: '/v1/keys:export',
  summary:
    'A page of the keys of one environment, with what proves them if asked; each page is an entry in the log',
  permission: 'keys:export',
  audit: 'key.exported',
  status: 200,
  body: closed({
    ...PageQuery,
    projectId: Type.Optional(ProjectIdSchema),
    environment: EnvironmentSchema,
    withHashes: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'a hash opens nothing, but shows whether a text that somebody has found is the key',
      }),
    ),
  }),
  output: pageOf(ExportedSchema),
  errors: ['project.required', 'project.not_found'],
  repeat: 'again',
  handle: async ({ domain }, by, { body }) => {
    const wanted = { ...body, withHashes: body.withHashes ?? false }
    const { items, nextCursor } = await exportKeys(domain, by, wanted, pageRequest(body))
    return {
      items: items.map(({ key, hashes }) => ({
        key: presentKey(key, [], domain.clock()),
        hashes: hashes === null ? null : [...hashes],
      })),
      nextCursor,
    }
  },
})
