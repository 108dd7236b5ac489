import { Type } from 'typebox'
import { proveUse } from '../../../usage/prove.ts'
import { operation } from '../../operation.ts'
import { closed, KeyIdSchema, TimeSchema } from '../../schemas.ts'

const IndexSchema = Type.Integer({ minimum: 0 })
const BytesSchema = Type.String({ description: 'base64' })

export const proveUseOperation = operation({
  id: 'usage.proof',
  method: 'GET',
  path: '/v1/usage/proof',
  summary: 'Prove the first use of a key at or after a time, within a minute, under the last checkpoint',
  permission: 'audit:read',
  installationWide: true,
  audit: null,
  status: 200,
  query: closed({ keyId: KeyIdSchema, at: TimeSchema }),
  output: closed({
    format: Type.Literal('keystead-use-receipt/v1'),
    record: IndexSchema,
    page: BytesSchema,
    pageIndex: IndexSchema,
    pageProof: Type.Array(BytesSchema),
    leaf: BytesSchema,
    position: IndexSchema,
    leafProof: Type.Array(BytesSchema),
    checkpoint: Type.String({ description: 'the signed note' }),
  }),
  errors: ['usage.not_found'],
  handle: async ({ domain, publisher }, by, { query }) => {
    const { pageProof, leafProof, ...receipt } = await proveUse(domain, by, publisher.last, query)
    return { ...receipt, pageProof: [...pageProof], leafProof: [...leafProof] }
  },
})
