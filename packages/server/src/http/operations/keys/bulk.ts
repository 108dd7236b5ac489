import { Type } from 'typebox'
import { startBulk, UNDO_SECONDS_DEFAULT, UNDO_SECONDS_MAX } from '../../../keys/bulk/start.ts'
import {
  BulkActionSchema,
  BulkOperationSchema,
  BulkParametersSchema,
  BulkQuerySchema,
  presentBulkOperation,
  PreviewSchema,
} from '../../bulk-schemas.ts'
import { bulkOperationAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { closed, EnvironmentSchema, nullable, ProjectIdSchema } from '../../schemas.ts'

export const bulkKeysOperation = operation({
  id: 'keys.bulk',
  method: 'POST',
  path: '/v1/keys:bulk',
  summary:
    'Suspend, revoke, rotate or update all API keys that a query names, or see in a dry run what that would change',
  permission: 'keys:bulk',
  audit: 'bulk_operation.started',
  status: 200,
  body: closed({
    projectId: Type.Optional(ProjectIdSchema),
    environment: Type.Optional(EnvironmentSchema),
    action: BulkActionSchema,
    query: BulkQuerySchema,
    parameters: Type.Optional(BulkParametersSchema),
    undoSeconds: Type.Optional(
      Type.Integer({ minimum: 0, maximum: UNDO_SECONDS_MAX, default: UNDO_SECONDS_DEFAULT }),
    ),
    dryRun: Type.Optional(Type.Boolean({ default: false })),
    confirm: Type.Optional(
      Type.String({ maxLength: 80, pattern: '^[A-Za-z0-9._-]+$', description: '`confirm` of a dry run' }),
    ),
  }),
  output: closed({ preview: nullable(PreviewSchema), operation: nullable(BulkOperationSchema) }),
  errors: [
    'project.required',
    'project.not_found',
    'bulk_operation.unconfirmed',
    'bulk_operation.too_many_keys',
  ],
  repeat: async (services, by, done) => ({
    preview: null,
    operation: await bulkOperationAgain(services, by, done),
  }),
  handle: async ({ domain }, by, { body }) => {
    const { preview, operation: started } = await startBulk(domain, by, {
      ...body,
      parameters: body.parameters ?? {},
      undoSeconds: body.undoSeconds ?? UNDO_SECONDS_DEFAULT,
      dryRun: body.dryRun ?? false,
    })
    return {
      preview: {
        ...preview,
        skipped: [...preview.skipped],
        owners: [...preview.owners],
        sample: [...preview.sample],
      },
      operation: started === null ? null : presentBulkOperation(started),
    }
  },
})
