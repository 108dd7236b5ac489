/** The shapes of bulk operations. */
import { PERMISSION_LENGTH_MAX, WANTED_PERMISSION_PATTERN } from '@keystead/protocol/permission'
import { type Static, Type } from 'typebox'
import { idPattern } from '../ids.ts'
import { SKIP_REASONS } from '../keys/bulk/change.ts'
import { KEYS_MAX } from '../keys/bulk/select.ts'
import { OVERLAP_SECONDS_DEFAULT, OVERLAP_SECONDS_MAX } from '../keys/rotate.ts'
import { BULK_ACTIONS, BULK_PHASES, type BulkOperation } from '../storage/records.ts'
import {
  closed,
  EnvironmentSchema,
  KeyIdSchema,
  NameSchema,
  nullable,
  OwnerIdSchema,
  PermissionsSchema,
  ProjectIdSchema,
  RevocationReasonSchema,
  RoleIdSchema,
  TimeSchema,
  VisibleStateSchema,
} from './schemas.ts'

/** A thousand ids fill half of what a body may have. */
const KEY_IDS_MAX = 1_000
const OWNER_IDS_MAX = 100

export const BulkOperationIdSchema = Type.String({
  pattern: idPattern('bulkOperation'),
  description: 'the id of a bulk operation, blk_...',
})

export const BulkActionSchema = Type.Enum([...BULK_ACTIONS])

export const BulkQuerySchema = closed({
  ownerIds: Type.Optional(
    Type.Array(OwnerIdSchema, { minItems: 1, maxItems: OWNER_IDS_MAX, uniqueItems: true }),
  ),
  state: Type.Optional(VisibleStateSchema),
  permission: Type.Optional(
    Type.String({
      maxLength: PERMISSION_LENGTH_MAX,
      pattern: WANTED_PERMISSION_PATTERN,
      description: 'keys that are allowed this, such as funds:withdraw',
    }),
  ),
  roleId: Type.Optional(RoleIdSchema),
  createdAfter: Type.Optional(TimeSchema),
  createdBefore: Type.Optional(TimeSchema),
  unusedSince: Type.Optional(TimeSchema),
  namePrefix: Type.Optional(NameSchema),
  rotatedBefore: Type.Optional(TimeSchema),
  keyIds: Type.Optional(Type.Array(KeyIdSchema, { minItems: 1, maxItems: KEY_IDS_MAX })),
  touchedBy: Type.Optional(KeyIdSchema),
  all: Type.Optional(Type.Literal(true)),
})

export const BulkParametersSchema = closed({
  reason: Type.Optional(RevocationReasonSchema),
  overlapSeconds: Type.Optional(
    Type.Integer({ minimum: 0, maximum: OVERLAP_SECONDS_MAX, default: OVERLAP_SECONDS_DEFAULT }),
  ),
  permissionsAdd: Type.Optional(PermissionsSchema),
  permissionsRemove: Type.Optional(PermissionsSchema),
  expiresAt: Type.Optional(nullable(TimeSchema)),
})

const CountSchema = Type.Integer({ minimum: 0, maximum: KEYS_MAX })

export const PreviewSchema = closed({
  total: CountSchema,
  affected: CountSchema,
  skipped: Type.Array(closed({ reason: Type.Enum([...SKIP_REASONS]), count: Type.Integer() })),
  owners: Type.Array(closed({ ownerId: OwnerIdSchema, count: CountSchema })),
  sample: Type.Array(KeyIdSchema),
  confirm: Type.String(),
})

export const BulkOperationSchema = closed({
  id: BulkOperationIdSchema,
  version: Type.Integer(),
  createdAt: TimeSchema,
  projectId: ProjectIdSchema,
  environment: nullable(EnvironmentSchema),
  action: BulkActionSchema,
  query: BulkQuerySchema,
  parameters: BulkParametersSchema,
  requestedBy: nullable(Type.String()),
  phase: Type.Enum([...BULK_PHASES]),
  total: CountSchema,
  changed: CountSchema,
  skipped: CountSchema,
  settled: CountSchema,
  kept: CountSchema,
  undoUntil: nullable(TimeSchema),
})

/** An operation as the API shows it, without where it goes on. */
export function presentBulkOperation(operation: BulkOperation): Static<typeof BulkOperationSchema> {
  const { asOf: _asOf, logSize: _logSize, chunks: _chunks, position: _position, ...shown } = operation
  // Stored from a body that these schemas have checked, and sealed since.
  return shown as unknown as Static<typeof BulkOperationSchema>
}
