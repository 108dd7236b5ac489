import { Type } from 'typebox'
import { usesOf } from '../../../keys/read.ts'
import { updateKey } from '../../../keys/update.ts'
import { keyAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { presentKey } from '../../present.ts'
import {
  AddressesSchema,
  closed,
  KeyIdSchema,
  KeySchema,
  NameSchema,
  nullable,
  PermissionsSchema,
  RolesSchema,
  TimeSchema,
} from '../../schemas.ts'

export const updateKeyOperation = operation({
  id: 'keys.update',
  method: 'PATCH',
  path: '/v1/keys/{keyId}',
  summary: 'Change name, permissions, roles, addresses or expiry of an API key; the secret stays',
  permission: 'keys:update',
  audit: 'key.updated',
  status: 200,
  params: closed({ keyId: KeyIdSchema }),
  body: closed({
    name: Type.Optional(NameSchema),
    permissions: Type.Optional(PermissionsSchema),
    roles: Type.Optional(RolesSchema),
    allowedAddresses: Type.Optional(AddressesSchema),
    expiresAt: Type.Optional(nullable(TimeSchema)),
  }),
  output: KeySchema,
  errors: [
    'key.not_found',
    'key.expired',
    'key.illegal_transition',
    'key.invalid_times',
    'key.invalid_addresses',
    'role.not_found',
  ],
  repeat: keyAgain('issued'),
  handle: async ({ domain }, by, { params, body }) => {
    const key = await updateKey(domain, by, 'issued', params.keyId, body)
    return presentKey(key, await usesOf(domain, key), domain.clock())
  },
})
