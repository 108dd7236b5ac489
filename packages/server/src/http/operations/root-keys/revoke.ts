import { Type } from 'typebox'
import { usesOf } from '../../../keys/read.ts'
import { revokeKey } from '../../../keys/revoke.ts'
import { revokedAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentRevoked } from '../../present.ts'
import { closed, KeyIdSchema, RevocationReasonSchema, RevokedSchema } from '../../schemas.ts'

export const revokeRootKeyOperation = operation({
  id: 'root-keys.revoke',
  method: 'POST',
  path: '/v1/root-keys/{keyId}/revoke',
  summary: 'Deactivate a root key for ever, all its versions at once',
  permission: 'root-keys:revoke',
  audit: 'root_key.revoked',
  status: 200,
  params: closed({ keyId: KeyIdSchema }),
  body: closed({ reason: Type.Optional(RevocationReasonSchema) }),
  output: RevokedSchema,
  errors: ['key.not_found', 'key.illegal_transition'],
  repeat: revokedAgain('root'),
  handle: async ({ domain }, by, { params, body }) => {
    const revoked = await revokeKey(domain, by, 'root', params.keyId, body.reason ?? 'unspecified')
    return presentRevoked(revoked, await usesOf(domain, revoked.key), domain.clock())
  },
})
