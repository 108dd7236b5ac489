import { getKey } from '../../../keys/read.ts'
import { operation } from '../../operation.ts'
import { presentKey } from '../../present.ts'
import { closed, KeyIdSchema, KeySchema } from '../../schemas.ts'

export const getKeyOperation = operation({
  id: 'keys.get',
  method: 'GET',
  path: '/v1/keys/{keyId}',
  summary: 'Show one API key, with its use',
  permission: 'keys:read',
  audit: null,
  status: 200,
  params: closed({ keyId: KeyIdSchema }),
  output: KeySchema,
  errors: ['key.not_found'],
  handle: async ({ domain }, by, { params }) => {
    const { key, uses } = await getKey(domain, by, 'issued', params.keyId)
    return presentKey(key, uses, domain.clock())
  },
})
