import { Type } from 'typebox'
import {
  DESTRUCTION_SECONDS_DEFAULT,
  DESTRUCTION_SECONDS_MAX,
  scheduleDestruction,
} from '../../../keys/destroy.ts'
import { usesOf } from '../../../keys/read.ts'
import { keyAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentKey } from '../../present.ts'
import { closed, KeyIdSchema, KeySchema } from '../../schemas.ts'

export const destroyKeyOperation = operation({
  id: 'keys.destroy',
  method: 'POST',
  path: '/v1/keys/{keyId}/destroy',
  summary: 'Erase what a key out of use holds, after a delay in which it can be called off',
  permission: 'keys:destroy',
  audit: 'key.destruction_scheduled',
  status: 200,
  params: closed({ keyId: KeyIdSchema }),
  body: closed({
    delaySeconds: Type.Optional(
      Type.Integer({ minimum: 0, maximum: DESTRUCTION_SECONDS_MAX, default: DESTRUCTION_SECONDS_DEFAULT }),
    ),
  }),
  output: KeySchema,
  errors: ['key.not_found', 'key.illegal_transition'],
  repeat: keyAgain('issued'),
  handle: async ({ domain }, by, { params, body }) => {
    const key = await scheduleDestruction(
      domain,
      by,
      params.keyId,
      body.delaySeconds ?? DESTRUCTION_SECONDS_DEFAULT,
    )
    return presentKey(key, await usesOf(domain, key), domain.clock())
  },
})
