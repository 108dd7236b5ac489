import { Type } from 'typebox'
import { DomainError } from '../../../errors.ts'
import { rotateOwnKey } from '../../../keys/self.ts'
import { rotatedAgain } from '../../repeat.ts'
import { selfOperation } from '../../operation.ts'
import { closed, KeyIdSchema, nullable, SECRET, TimeSchema } from '../../schemas.ts'

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
    ...SECRET,
    version: Type.Integer(),
    previousAcceptedUntil: nullable(TimeSchema),
  }),
  errors: [
    'key.self_rotation_denied',
    'key.expired',
    'key.illegal_transition',
    'key.too_many_versions',
    'key.not_found',
  ],
  repeat: async ({ domain }, holder, done) => {
    const { key, ...rest } = await rotatedAgain('issued')({ domain }, holder.may(), done)
    return { ...rest, keyId: key.id, version: key.versions[0]?.number ?? 0 }
  },
  handle: async ({ domain }, holder) => {
    // Whoever may not use the key now, from here, may not have its successor either.
    if (holder.code !== 'VALID') throw new DomainError('key.self_rotation_denied')
    const rotated = await rotateOwnKey(domain, holder.may(), holder.keyId, holder.versionNumber)
    return {
      keyId: rotated.key.id,
      secret: rotated.secret.reveal(),
      secretAvailable: true,
      version: rotated.key.versions[0]?.number ?? 0,
      previousAcceptedUntil: rotated.previousAcceptedUntil,
    }
  },
})
