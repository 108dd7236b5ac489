import { Type } from 'typebox'
import { revokeKey } from '../../../keys/revoke.ts'
import { revokedAgain } from '../../repeat.ts'
import { selfOperation } from '../../operation.ts'
import { closed, KeyIdSchema, RevocationReasonSchema, TimeSchema } from '../../schemas.ts'

export const revokeSelfOperation = selfOperation({
  id: 'self.revoke',
  method: 'POST',
  path: '/v1/self/revoke',
  summary: 'Revoke the presented API key for ever, all its versions; for whoever has found one',
  audit: 'key.revoked',
  status: 200,
  body: closed({ reason: Type.Optional(RevocationReasonSchema) }),
  output: closed({ keyId: KeyIdSchema, revokedAt: TimeSchema, position: Type.Integer() }),
  errors: ['key.illegal_transition'],
  repeat: async ({ domain }, holder, done) => {
    const { key, position } = await revokedAgain('issued')({ domain }, holder.may(), done)
    return { keyId: key.id, revokedAt: key.revokedAt ?? domain.clock(), position }
  },
  handle: async ({ domain }, holder, { body }) => {
    // Nobody gives up a key that way but for one reason.
    const reason = body.reason ?? 'keyCompromise'
    const { key, position } = await revokeKey(domain, holder.may(), 'issued', holder.keyId, reason)
    return { keyId: key.id, revokedAt: key.revokedAt ?? domain.clock(), position: position ?? 0 }
  },
})
