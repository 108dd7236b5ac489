import { Type } from 'typebox'
import { getKey } from '../../../keys/read.ts'
import { operation } from '../../operation.ts'
import { closed, KeyIdSchema, nullable, TimeSchema } from '../../schemas.ts'

export const keyUsageOperation = operation({
  id: 'keys.usage',
  method: 'GET',
  path: '/v1/keys/{keyId}/usage',
  summary: 'Show how each version of an API key is used, and in an overlap from where',
  permission: 'keys:read',
  audit: null,
  status: 200,
  params: closed({ keyId: KeyIdSchema }),
  output: closed({
    versions: Type.Array(
      closed({
        number: Type.Integer(),
        acceptedUntil: nullable(TimeSchema),
        answers: Type.Array(closed({ code: Type.String(), count: Type.Integer(), lastAt: TimeSchema })),
        addresses: Type.Array(closed({ address: Type.String(), count: Type.Integer(), lastAt: TimeSchema })),
      }),
    ),
  }),
  errors: ['key.not_found'],
  handle: async ({ domain }, by, { params }) => {
    const { key, uses } = await getKey(domain, by, 'issued', params.keyId)
    const addresses = await domain.store.reader.addressUses(key.id)
    const versions = key.versions.map(({ number, acceptedUntil }) => ({
      number,
      acceptedUntil,
      answers: uses
        .filter(({ versionNumber }) => versionNumber === number)
        .map(({ code, count, lastAt }) => ({ code, count, lastAt })),
      addresses: addresses
        .filter(({ versionNumber }) => versionNumber === number)
        .map(({ address, count, lastAt }) => ({ address, count, lastAt }))
        .toSorted((one, other) => other.lastAt - one.lastAt),
    }))
    return { versions }
  },
})
