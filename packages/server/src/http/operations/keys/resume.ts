import { resumeKey } from '../../../keys/suspend.ts'
import { usesOf } from '../../../keys/read.ts'
import { keyAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentKey } from '../../present.ts'
import { closed, KeyIdSchema, KeySchema } from '../../schemas.ts'

export const resumeKeyOperation = operation({
  id: 'keys.resume',
  method: 'POST',
  path: '/v1/keys/{keyId}/resume',
  summary: 'Accept a suspended API key again',
  permission: 'keys:suspend',
  audit: 'key.resumed',
  status: 200,
  params: closed({ keyId: KeyIdSchema }),
  body: closed({}),
  output: KeySchema,
  errors: ['key.not_found', 'key.illegal_transition'],
  repeat: keyAgain('issued'),
  handle: async ({ domain }, by, { params }) => {
    const key = await resumeKey(domain, by, 'issued', params.keyId)
    return presentKey(key, await usesOf(domain, key), domain.clock())
  },
})
