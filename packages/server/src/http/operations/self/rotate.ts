import { Type } from 'typebox'
import { DomainError } from '../../../errors.ts'
import { rotateOwnKey } from '../../../keys/self.ts'
import { selfOperation } from '../../operation.ts'
import { closed, KeyIdSchema, TimeSchema } from '../../schemas.ts'

export const rotateSelfOperation = selfOperation({
  id: 'self.rotate',
  method: 'POST',
  path: '/v1/self/rotate',
  summary: 'Give the presented API key a new version, where its environment lets holders do that',
  audit: 'key.rotated',
  status: 200,
  body: closed({}),
  output: closed({
    keyId: KeyIdSchema,
    secret: Type.String({ description: 'the new key, in this answer and nowhere else' }),
    version: Type.Integer(),
    previousAcceptedUntil: TimeSchema,
  }),
  errors: [
    'key.self_rotation_denied',
    'key.expired',
    'key.illegal_transition',
    'key.too_many_versions',
    'key.not_found',
  ],
  handle: async ({ domain }, holder) => {
    // Whoever may not use the key now, from here, may not have its successor either.
    if (holder.code !== 'VALID') throw new DomainError('key.self_rotation_denied')
    const rotated = await rotateOwnKey(domain, holder.may(), holder.keyId, holder.versionNumber)
    return {
      keyId: rotated.key.id,
      secret: rotated.secret.reveal(),
      version: rotated.key.versions[0]?.number ?? 0,
      previousAcceptedUntil: rotated.previousAcceptedUntil,
    }
  },
})
