import { Type } from 'typebox'
import { createImportSource } from '../../../keys/import/source.ts'
import {
  HashesSchema,
  ImportAlgorithmSchema,
  ImportSourceSchema,
  LookupRuleSchema,
  presentImportSource,
} from '../../import-schemas.ts'
import { importSourceAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { closed, EnvironmentSchema, ProjectIdSchema, RoleNameSchema } from '../../schemas.ts'

/** 1 KiB of bytes as hex. */
const SECRET_LENGTH_MAX = 2_048

export const createImportSourceOperation = operation({
  id: 'import-sources.create',
  method: 'POST',
  path: '/v1/import-sources',
  summary: 'Describe how another system kept the keys of an environment, so that they can be imported',
  permission: 'import-sources:create',
  audit: 'import_source.created',
  status: 201,
  body: closed({
    projectId: Type.Optional(ProjectIdSchema),
    environment: EnvironmentSchema,
    name: RoleNameSchema,
    algorithm: ImportAlgorithmSchema,
    lookup: Type.Optional(LookupRuleSchema),
    hashes: Type.Optional(HashesSchema),
    secret: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: SECRET_LENGTH_MAX,
        description: 'the key of hmac-sha256; kept encrypted, never shown',
      }),
    ),
    secretEncoding: Type.Optional(Type.Enum(['utf8', 'hex', 'base64'])),
  }),
  output: ImportSourceSchema,
  errors: ['project.required', 'project.not_found', 'import_source.exists', 'import_source.too_many'],
  repeat: importSourceAgain,
  handle: async ({ domain }, by, { body }) => presentImportSource(await createImportSource(domain, by, body)),
})
