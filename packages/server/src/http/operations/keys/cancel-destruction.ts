import { cancelDestruction } from '../../../keys/destroy.ts'
import { usesOf } from '../../../keys/read.ts'
import { keyAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentKey } from '../../present.ts'
import { closed, KeyIdSchema, KeySchema } from '../../schemas.ts'

export const cancelDestructionOperation = operation({
  id: 'keys.cancel-destruction',
  method: 'POST',
  path: '/v1/keys/{keyId}/cancel-destruction',
  summary: 'Call off a scheduled destruction',
  permission: 'keys:destroy',
  audit: 'key.destruction_cancelled',
  status: 200,
  params: closed({ keyId: KeyIdSchema }),
  body: closed({}),
  output: KeySchema,
  errors: ['key.not_found', 'key.no_destruction'],
  repeat: keyAgain('issued'),
  handle: async ({ domain }, by, { params }) => {
    const key = await cancelDestruction(domain, by, params.keyId)
    return presentKey(key, await usesOf(domain, key), domain.clock())
  },
})
