import { VERIFICATION_CODES } from '@keystead/protocol/decision'
import { Type } from 'typebox'
import { selfOperation } from '../../operation.ts'
import { closed, EnvironmentSchema, KeyIdSchema, nullable, TimeSchema } from '../../schemas.ts'

export const whoamiOperation = selfOperation({
  id: 'self.whoami',
  method: 'GET',
  path: '/v1/self',
  summary: 'Tell the holder of an API key what it is: state, permissions, versions, times',
  audit: null,
  status: 200,
  output: closed({
    keyId: KeyIdSchema,
    code: Type.Enum([...VERIFICATION_CODES], { description: 'what a verification would answer now' }),
    ownerExternalId: nullable(Type.String()),
    environment: nullable(EnvironmentSchema),
    permissions: Type.Array(Type.String(), { description: 'its own and those of its roles' }),
    addressBound: Type.Boolean(),
    notBefore: nullable(TimeSchema),
    expiresAt: nullable(TimeSchema),
    version: Type.Integer({ description: 'the number of the version that was presented' }),
    acceptedUntil: nullable(TimeSchema),
    successor: nullable(Type.Integer({ description: 'the number of a newer version, if there is one' })),
  }),
  errors: [],
  handle: async (_services, { keyId, record, versionNumber, code }) => {
    const presented = record.versions.find(({ number }) => number === versionNumber)
    const newest = record.versions[0]?.number ?? versionNumber
    return {
      keyId,
      code,
      ownerExternalId: record.owner?.externalId ?? null,
      environment: record.environment,
      permissions: [...record.policy.grants.list],
      addressBound: record.policy.addresses.length > 0,
      notBefore: record.notBefore,
      expiresAt: record.expiresAt,
      version: versionNumber,
      acceptedUntil: presented?.acceptedUntil ?? null,
      successor: newest > versionNumber ? newest : null,
    }
  },
})
