/** The shapes that requests and answers share. Objects are closed: an unknown field is refused and named. */
import { ADDRESS_LENGTH_MAX, ADDRESS_RANGES_MAX } from '@keystead/protocol/address'
import { ENVIRONMENTS } from '@keystead/protocol/api-key'
import { KEY_STATES, REVOCATION_REASONS, type RevocationReason } from '@keystead/protocol/lifecycle'
import {
  GRANTED_PERMISSION_PATTERN,
  PERMISSION_LENGTH_MAX,
  PERMISSIONS_MAX,
  ROLES_MAX,
} from '@keystead/protocol/permission'
import { Type, type TObject, type TProperties, type TSchema } from 'typebox'
import { idPattern } from '../ids.ts'

/** Names are for people; this is more than a screen shows. */
const NAME_LENGTH_MAX = 200
/** One page must not hold the event loop or the memory for long. */
const PAGE_LIMIT_MAX = 200
export const PAGE_LIMIT_DEFAULT = 50

/** An object that has these fields and no others. */
export function closed<P extends TProperties>(properties: P): TObject<P> {
  return Type.Object(properties, { additionalProperties: false })
}

export function nullable<S extends TSchema>(schema: S) {
  return Type.Union([schema, Type.Null()])
}

export const ProjectIdSchema = Type.String({
  pattern: idPattern('project'),
  description: 'the id of a project, prj_...',
})
export const OwnerIdSchema = Type.String({
  pattern: idPattern('owner'),
  description: 'the id of an owner, own_...',
})
export const RoleIdSchema = Type.String({
  pattern: idPattern('role'),
  description: 'the id of a role, rol_...',
})
export const KeyIdSchema = Type.String({ pattern: idPattern('key'), description: 'the id of a key, key_...' })
export const EnvironmentSchema = Type.Enum([...ENVIRONMENTS])
/** Epoch milliseconds up to the year 9999. */
export const TimeSchema = Type.Integer({ minimum: 0, maximum: 253_402_300_799_999 })
/** Text for people: no control characters, so that it cannot forge a line on a terminal. */
export const NameSchema = Type.String({
  maxLength: NAME_LENGTH_MAX,
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$',
  description: 'text without control characters',
})
export const RoleNameSchema = Type.String({
  maxLength: 64,
  pattern: '^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$',
  description: 'lower-case letters, digits, - and _',
})
export const ExternalIdSchema = Type.String({
  minLength: 1,
  maxLength: 128,
  pattern: '^[!-~]+$',
  description: 'printable ASCII without spaces',
})
export const PermissionsSchema = Type.Array(
  Type.String({
    maxLength: PERMISSION_LENGTH_MAX,
    pattern: GRANTED_PERMISSION_PATTERN,
    description: 'a permission such as orders:trade, orders.*:read or !funds:withdraw',
  }),
  { minItems: 1, maxItems: PERMISSIONS_MAX, uniqueItems: true },
)
export const RolesSchema = Type.Array(RoleIdSchema, { maxItems: ROLES_MAX, uniqueItems: true })
export const AddressesSchema = Type.Array(
  Type.String({
    maxLength: ADDRESS_LENGTH_MAX,
    description: 'an IPv4 or IPv6 address, or a range such as 203.0.113.0/24',
  }),
  { maxItems: ADDRESS_RANGES_MAX, uniqueItems: true },
)
/** Flat and small: 2 KiB as JSON (owners/metadata.ts). */
export const MetadataSchema = Type.Record(
  Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_.-]{0,63}$' }),
  Type.String({ maxLength: 1_024 }),
  { maxProperties: 32, additionalProperties: false },
)
export const RevocationReasonSchema = Type.Enum(Object.keys(REVOCATION_REASONS) as RevocationReason[])
export const VisibleStateSchema = Type.Enum([...KEY_STATES, 'expired' as const])

/** A place in the log. */
export const PositionSchema = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_LIMIT_MAX, default: PAGE_LIMIT_DEFAULT })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-z0-9_]+$' })),
}

export function pageOf<S extends TSchema>(item: S) {
  const nextCursor = nullable(
    Type.String({ description: 'a page may hold fewer items than its limit, even none, before the end' }),
  )
  return closed({ items: Type.Array(item), nextCursor })
}

export const ProjectSchema = closed({
  id: ProjectIdSchema,
  name: Type.String(),
  createdAt: TimeSchema,
  version: Type.Integer(),
  environments: Type.Array(closed({ id: Type.String(), environment: EnvironmentSchema })),
})

/** A day to ten years. */
const PolicySeconds = Type.Integer({ minimum: 86_400, maximum: 10 * 366 * 86_400 })
/** storage/records.ts, EnvironmentPolicy. */
export const PolicySchema = closed({
  maximumAgeSeconds: nullable(PolicySeconds),
  rotation: Type.Enum(['warn', 'automatic']),
  overlapSeconds: Type.Integer({ minimum: 0, maximum: 30 * 86_400 }),
  cutoverSilentSeconds: nullable(Type.Integer({ minimum: 3_600, maximum: 30 * 86_400 })),
  idleExpirySeconds: nullable(PolicySeconds),
  selfRotation: Type.Boolean(),
})
export const PolicyEnvironmentSchema = closed({
  id: Type.String(),
  projectId: ProjectIdSchema,
  environment: EnvironmentSchema,
  policy: PolicySchema,
  createdAt: TimeSchema,
  version: Type.Integer(),
})

export const OwnerSchema = closed({
  id: OwnerIdSchema,
  projectId: ProjectIdSchema,
  externalId: Type.String(),
  name: Type.String(),
  metadata: Type.Record(Type.String(), Type.String()),
  createdAt: TimeSchema,
  version: Type.Integer(),
})

export const RoleSchema = closed({
  id: RoleIdSchema,
  projectId: ProjectIdSchema,
  name: Type.String(),
  description: Type.String(),
  permissions: Type.Array(Type.String()),
  state: Type.Enum(['active', 'deactivated']),
  createdAt: TimeSchema,
  version: Type.Integer(),
})

export const KeySchema = closed({
  id: KeyIdSchema,
  kind: Type.String(),
  projectId: nullable(ProjectIdSchema),
  environment: nullable(EnvironmentSchema),
  ownerId: nullable(OwnerIdSchema),
  locator: Type.String(),
  name: Type.String(),
  permissions: Type.Array(Type.String()),
  roles: Type.Array(RoleIdSchema),
  allowedAddresses: Type.Array(Type.String()),
  state: VisibleStateSchema,
  createdAt: TimeSchema,
  notBefore: nullable(TimeSchema),
  expiresAt: nullable(TimeSchema),
  revokedAt: nullable(TimeSchema),
  revocationReason: nullable(Type.String()),
  destroyAt: nullable(TimeSchema),
  imported: nullable(
    closed({
      sourceId: Type.String(),
      upgraded: Type.Boolean({ description: 'used since: the foreign hash is gone' }),
    }),
  ),
  version: Type.Integer(),
  versions: Type.Array(
    closed({ number: Type.Integer(), createdAt: TimeSchema, acceptedUntil: nullable(TimeSchema) }),
  ),
  lastUsedAt: nullable(TimeSchema),
  uses: Type.Array(
    closed({ versionNumber: Type.Integer(), code: Type.String(), count: Type.Integer(), lastAt: TimeSchema }),
  ),
})

/** A secret is in one answer and nowhere else; a repeated request does not get it again. */
export const SECRET = {
  secret: Type.Optional(Type.String()),
  secretAvailable: Type.Boolean({ description: 'false in the answer to a repeated request' }),
}
export const IssuedSchema = closed({ key: KeySchema, ...SECRET })
export const RotatedSchema = closed({
  key: KeySchema,
  ...SECRET,
  previousAcceptedUntil: nullable(TimeSchema),
})
export const RevokedSchema = closed({ key: KeySchema, position: Type.Integer() })
