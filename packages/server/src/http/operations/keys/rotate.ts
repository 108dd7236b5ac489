import { Type } from 'typebox'
import { usesOf } from '../../../keys/read.ts'
import {
  OVERLAP_SECONDS_DEFAULT,
  OVERLAP_SECONDS_MAX,
  ROTATION_REASONS,
  rotateKey,
} from '../../../keys/rotate.ts'
import { rotatedAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentRotated } from '../../present.ts'
import { closed, KeyIdSchema, RotatedSchema } from '../../schemas.ts'

export const rotateKeyOperation = operation({
  id: 'keys.rotate',
  method: 'POST',
  path: '/v1/keys/{keyId}/rotate',
  summary: 'Give an API key a new version; the one in use stays accepted for the overlap',
  permission: 'keys:rotate',
  audit: 'key.rotated',
  status: 200,
  params: closed({ keyId: KeyIdSchema }),
  body: closed({
    overlapSeconds: Type.Optional(
      Type.Integer({ minimum: 0, maximum: OVERLAP_SECONDS_MAX, default: OVERLAP_SECONDS_DEFAULT }),
    ),
    reason: Type.Optional(Type.Enum([...ROTATION_REASONS])),
  }),
  output: RotatedSchema,
  errors: ['key.not_found', 'key.expired', 'key.illegal_transition', 'key.too_many_versions'],
  repeat: rotatedAgain('issued'),
  handle: async ({ domain }, by, { params, body }) => {
    const rotation = {
      overlapSeconds: body.overlapSeconds ?? OVERLAP_SECONDS_DEFAULT,
      reason: body.reason ?? 'unspecified',
    }
    const rotated = await rotateKey(domain, by, 'issued', params.keyId, rotation)
    return presentRotated(rotated, await usesOf(domain, rotated.key), domain.clock())
  },
})
