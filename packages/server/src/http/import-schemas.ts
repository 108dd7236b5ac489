/** The shapes of imports and exports of keys. */
import { type Static, Type } from 'typebox'
import { idPattern } from '../ids.ts'
import { IMPORT_ALGORITHMS, type ImportSource } from '../storage/records.ts'
import {
  AddressesSchema,
  closed,
  EnvironmentSchema,
  ExternalIdSchema,
  KeyIdSchema,
  NameSchema,
  nullable,
  PermissionsSchema,
  ProjectIdSchema,
  RolesSchema,
  TimeSchema,
} from './schemas.ts'

const LOOKUP_LENGTH_MAX = 256
/** The longest PHC string that is accepted has far less. */
const HASH_LENGTH_MAX = 512
const ITEMS_MAX = 1_000

export const ImportSourceIdSchema = Type.String({
  pattern: idPattern('importSource'),
  description: 'the id of an import source, ims_...',
})

/** storage/records.ts, LookupRule. */
export const LookupRuleSchema = Type.Union(
  [
    closed({
      separator: Type.String({ minLength: 1, maxLength: 8, pattern: '^[!-~]+$' }),
      occurrence: Type.Integer({ minimum: 1, maximum: 8 }),
    }),
    closed({ length: Type.Integer({ minimum: 1, maximum: LOOKUP_LENGTH_MAX }) }),
  ],
  {
    description:
      'where the look-up part of a text ends: before the nth separator, or after so many characters',
  },
)

export const ImportAlgorithmSchema = Type.Enum([...IMPORT_ALGORITHMS])
export const HashesSchema = Type.Enum(['text', 'rest'], {
  description: 'what was hashed: the whole text, or what comes after the look-up part and its separator',
})

export const ImportSourceSchema = closed({
  id: ImportSourceIdSchema,
  projectId: ProjectIdSchema,
  environment: EnvironmentSchema,
  name: Type.String(),
  algorithm: ImportAlgorithmSchema,
  lookup: nullable(LookupRuleSchema),
  hashes: HashesSchema,
  createdAt: TimeSchema,
  version: Type.Integer(),
})

const ImportItemSchema = closed({
  hash: Type.String({
    minLength: 1,
    maxLength: HASH_LENGTH_MAX,
    description: 'hex or base64; for bcrypt its own form, for argon2id and scrypt a PHC string',
  }),
  lookup: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: LOOKUP_LENGTH_MAX,
      pattern: '^[!-~]+$',
      description: 'the look-up part of the text, where the source has a rule for one',
    }),
  ),
  ownerExternalId: ExternalIdSchema,
  name: Type.Optional(NameSchema),
  permissions: Type.Optional(PermissionsSchema),
  roles: Type.Optional(RolesSchema),
  allowedAddresses: Type.Optional(AddressesSchema),
  notBefore: Type.Optional(TimeSchema),
  expiresAt: Type.Optional(TimeSchema),
  createdAt: Type.Optional(TimeSchema),
})

export const ImportItemsSchema = Type.Array(ImportItemSchema, { minItems: 1, maxItems: ITEMS_MAX })

export const ImportedSchema = closed({
  items: Type.Array(closed({ status: Type.Enum(['imported', 'exists']), keyId: KeyIdSchema })),
})

/** A source as the API shows it, without the other system's HMAC key. */
export function presentImportSource({
  secret: _secret,
  ...source
}: ImportSource): Static<typeof ImportSourceSchema> {
  return source
}
