import { SUSPENSION_REASONS } from '@keystead/protocol/lifecycle'
import { Type } from 'typebox'
import { suspendKey } from '../../../keys/suspend.ts'
import { usesOf } from '../../../keys/read.ts'
import { keyAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentKey } from '../../present.ts'
import { closed, KeyIdSchema, KeySchema } from '../../schemas.ts'

export const suspendKeyOperation = operation({
  id: 'keys.suspend',
  method: 'POST',
  path: '/v1/keys/{keyId}/suspend',
  summary: 'Refuse an API key until it is resumed, all its versions at once',
  permission: 'keys:suspend',
  audit: 'key.suspended',
  status: 200,
  params: closed({ keyId: KeyIdSchema }),
  body: closed({ reason: Type.Optional(Type.Enum([...SUSPENSION_REASONS])) }),
  output: KeySchema,
  errors: ['key.not_found', 'key.illegal_transition'],
  repeat: keyAgain('issued'),
  handle: async ({ domain }, by, { params, body }) => {
    const key = await suspendKey(domain, by, 'issued', params.keyId, body.reason ?? 'unspecified')
    return presentKey(key, await usesOf(domain, key), domain.clock())
  },
})
