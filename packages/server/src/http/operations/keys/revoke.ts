import { Type } from 'typebox'
import { usesOf } from '../../../keys/read.ts'
import { revokeKey } from '../../../keys/revoke.ts'
import { revokedAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentRevoked } from '../../present.ts'
import { closed, KeyIdSchema, RevocationReasonSchema, RevokedSchema } from '../../schemas.ts'

export const revokeKeyOperation = operation({
  id: 'keys.revoke',
  method: 'POST',
  path: '/v1/keys/{keyId}/revoke',
  summary: 'Deactivate an API key for ever, all its versions at once',
  permission: 'keys:revoke',
  audit: 'key.revoked',
  status: 200,
  params: closed({ keyId: KeyIdSchema }),
  body: closed({ reason: Type.Optional(RevocationReasonSchema) }),
  output: RevokedSchema,
  errors: ['key.not_found', 'key.illegal_transition'],
  repeat: revokedAgain('issued'),
  handle: async ({ domain }, by, { params, body }) => {
    const revoked = await revokeKey(domain, by, 'issued', params.keyId, body.reason ?? 'unspecified')
    return presentRevoked(revoked, await usesOf(domain, revoked.key), domain.clock())
  },
})
