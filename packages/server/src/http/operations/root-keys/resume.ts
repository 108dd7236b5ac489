import { resumeKey } from '../../../keys/suspend.ts'
import { usesOf } from '../../../keys/read.ts'
import { keyAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentKey } from '../../present.ts'
import { closed, KeyIdSchema, KeySchema } from '../../schemas.ts'

export const resumeRootKeyOperation = operation({
  id: 'root-keys.resume',
  method: 'POST',
  path: '/v1/root-keys/{keyId}/resume',
  summary: 'Accept a suspended root key again',
  permission: 'root-keys:suspend',
  audit: 'root_key.resumed',
  status: 200,
  params: closed({ keyId: KeyIdSchema }),
  body: closed({}),
  output: KeySchema,
  errors: ['key.not_found', 'key.illegal_transition', 'access.escalation'],
  repeat: keyAgain('root'),
  handle: async ({ domain }, by, { params }) => {
    const key = await resumeKey(domain, by, 'root', params.keyId)
    return presentKey(key, await usesOf(domain, key), domain.clock())
  },
})
