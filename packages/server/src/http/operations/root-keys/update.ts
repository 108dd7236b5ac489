import { Type } from 'typebox'
import { usesOf } from '../../../keys/read.ts'
import { updateKey } from '../../../keys/update.ts'
import { keyAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentKey } from '../../present.ts'
import { closed, KeyIdSchema, KeySchema, NameSchema, PermissionsSchema, TimeSchema } from '../../schemas.ts'

export const updateRootKeyOperation = operation({
  id: 'root-keys.update',
  method: 'PATCH',
  path: '/v1/root-keys/{keyId}',
  summary: 'Change name, permissions or expiry of a root key; the secret stays',
  permission: 'root-keys:update',
  audit: 'root_key.updated',
  status: 200,
  params: closed({ keyId: KeyIdSchema }),
  body: closed({
    name: Type.Optional(NameSchema),
    permissions: Type.Optional(PermissionsSchema),
    expiresAt: Type.Optional(TimeSchema),
  }),
  output: KeySchema,
  errors: [
    'key.not_found',
    'key.expired',
    'key.illegal_transition',
    'key.invalid_times',
    'access.escalation',
  ],
  repeat: keyAgain('root'),
  handle: async ({ domain }, by, { params, body }) => {
    const key = await updateKey(domain, by, 'root', params.keyId, body)
    return presentKey(key, await usesOf(domain, key), domain.clock())
  },
})
