import { base64Encode } from '@keystead/protocol/bytes'
import { Type } from 'typebox'
import { proveConsistency, proveInclusion } from '../../../audit/prove.ts'
import { operation } from '../../operation.ts'
import { closed } from '../../schemas.ts'

const SizeSchema = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const HashSchema = Type.String({ description: '32 bytes, base64' })

export const proveInclusionOperation = operation({
  id: 'audit.proofs.inclusion',
  method: 'GET',
  path: '/v1/audit/proofs/inclusion',
  summary:
    'Prove that one leaf is in the tree of a given size (RFC 9162 2.1.3); by default that of the last checkpoint',
  permission: 'audit:read',
  installationWide: true,
  audit: null,
  status: 200,
  query: closed({
    position: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    size: Type.Optional(SizeSchema),
  }),
  output: closed({
    position: Type.Integer(),
    size: Type.Integer(),
    leafHash: HashSchema,
    proof: Type.Array(HashSchema),
    checkpoint: Type.Union([Type.String(), Type.Null()], {
      description: 'the signed note over exactly this size, if there is one',
    }),
  }),
  errors: ['audit.position_not_found'],
  handle: async ({ domain, publisher }, _by, { query }) => {
    const { position } = query
    const size = query.size ?? publisher.last?.size ?? 0
    const { leafHash, proof } = await proveInclusion(domain.store.reader, position, size)
    const checkpoint = await domain.store.reader.checkpointCovering(size)
    return {
      position,
      size,
      leafHash: base64Encode(leafHash),
      proof: proof.map(base64Encode),
      checkpoint: checkpoint?.size === size ? checkpoint.note : null,
    }
  },
})

export const proveConsistencyOperation = operation({
  id: 'audit.proofs.consistency',
  method: 'GET',
  path: '/v1/audit/proofs/consistency',
  summary: 'Prove that the tree of one size is a prefix of that of another (RFC 9162 2.1.4)',
  permission: 'audit:read',
  installationWide: true,
  audit: null,
  status: 200,
  query: closed({ from: SizeSchema, to: SizeSchema }),
  output: closed({ from: Type.Integer(), to: Type.Integer(), proof: Type.Array(HashSchema) }),
  errors: ['audit.position_not_found'],
  handle: async ({ domain }, _by, { query }) => {
    const proof = await proveConsistency(domain.store.reader, query.from, query.to)
    return { ...query, proof: proof.map(base64Encode) }
  },
})
