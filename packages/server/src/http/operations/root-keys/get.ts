import { getKey } from '../../../keys/read.ts'
import { operation } from '../../operation.ts'
import { presentKey } from '../../present.ts'
import { closed, KeyIdSchema, KeySchema } from '../../schemas.ts'

export const getRootKeyOperation = operation({
  id: 'root-keys.get',
  method: 'GET',
  path: '/v1/root-keys/{keyId}',
  summary: 'Show one root key, with its use',
  permission: 'root-keys:read',
  audit: null,
  status: 200,
  params: closed({ keyId: KeyIdSchema }),
  output: KeySchema,
  errors: ['key.not_found'],
  handle: async ({ domain }, by, { params }) => {
    const { key, uses } = await getKey(domain, by, 'root', params.keyId)
    return presentKey(key, uses, domain.clock())
  },
})
