import { cancelRotation } from '../../../keys/cancel-rotation.ts'
import { usesOf } from '../../../keys/read.ts'
import { keyAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentKey } from '../../present.ts'
import { closed, KeyIdSchema, KeySchema } from '../../schemas.ts'

export const cancelRotationOperation = operation({
  id: 'keys.cancel-rotation',
  method: 'POST',
  path: '/v1/keys/{keyId}/cancel-rotation',
  summary: 'Take back a rotation within its overlap: the new secret ends, the one before it goes on',
  permission: 'keys:rotate',
  audit: 'key.rotation_cancelled',
  status: 200,
  params: closed({ keyId: KeyIdSchema }),
  body: closed({}),
  output: KeySchema,
  errors: ['key.not_found', 'key.no_rotation', 'key.expired', 'key.illegal_transition'],
  repeat: keyAgain('issued'),
  handle: async ({ domain }, by, { params }) => {
    const key = await cancelRotation(domain, by, params.keyId)
    return presentKey(key, await usesOf(domain, key), domain.clock())
  },
})
