import { ADDRESS_LENGTH_MAX, parseAddress } from '@keystead/protocol/address'
import { VERIFICATION_CODES } from '@keystead/protocol/decision'
import { PERMISSION_QUERY_LENGTH_MAX } from '@keystead/protocol/permission-query'
import { Type } from 'typebox'
import { DomainError } from '../../../errors.ts'
import type { Presented } from '../../../verify/verifier.ts'
import { closed, EnvironmentSchema, nullable } from '../../schemas.ts'

/** A key has 74 characters; foreign keys and spaces may be longer. */
const TEXT_LENGTH_MAX = 512

/** What a verification is asked. */
export const PresentedSchema = closed({
  key: Type.String({ maxLength: TEXT_LENGTH_MAX }),
  permission: Type.Optional(
    Type.String({
      maxLength: PERMISSION_QUERY_LENGTH_MAX,
      description: 'one permission such as orders:trade, or several with AND, OR, NOT and parentheses',
    }),
  ),
  address: Type.Optional(
    Type.String({
      maxLength: ADDRESS_LENGTH_MAX,
      description: 'where the client calls from: an IPv4 or IPv6 address, as your service knows it',
    }),
  ),
})

/** What a verification answers. */
export const DecisionSchema = closed({
  code: Type.Enum([...VERIFICATION_CODES]),
  valid: Type.Boolean(),
  reason: nullable(Type.String({ description: 'a revocation reason, `expired` or `rotated`' })),
  keyId: nullable(Type.String()),
  version: nullable(Type.Integer({ description: 'the number of the key version that was presented' })),
  ownerId: nullable(Type.String()),
  owner: nullable(closed({ externalId: Type.String(), metadata: Type.Record(Type.String(), Type.String()) })),
  environment: nullable(EnvironmentSchema),
  position: Type.Integer({ description: 'the size of the log that the verifier has followed' }),
  ageMs: Type.Integer({ description: 'how long ago the verifier was known to be current' }),
})

/** The question that a body asks; `request.invalid` at `path` for an address that is none. */
export function presented(
  { key, permission, address: text }: { key: string; permission?: string; address?: string },
  path: string,
): Presented {
  const address = text === undefined ? null : parseAddress(text)
  if (text !== undefined && address === null) {
    const message = 'must be one IPv4 or IPv6 address'
    throw new DomainError('request.invalid', null, { errors: [{ path: `${path}/address`, message }] })
  }
  return { text: key, permission: permission ?? null, address, path }
}
