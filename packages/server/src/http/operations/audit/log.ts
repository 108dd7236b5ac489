import { Type } from 'typebox'
import { readTile } from '../../../audit/tile.ts'
import { DomainError } from '../../../errors.ts'
import { operation } from '../../operation.ts'
import { closed, PositionSchema } from '../../schemas.ts'

export const getLogKeyOperation = operation({
  id: 'audit.log.key',
  method: 'GET',
  path: '/v1/audit/log/key',
  summary:
    'The log’s public key as a C2SP signed-note vkey; give it to auditors by another way than this server',
  permission: 'audit:read',
  installationWide: true,
  audit: null,
  status: 200,
  output: Type.String(),
  outputType: 'text/plain; charset=utf-8',
  errors: [],
  handle: async ({ publisher }) => `${publisher.verifierKey}\n`,
})

export const getCheckpointOperation = operation({
  id: 'audit.log.checkpoint',
  method: 'GET',
  path: '/v1/audit/log/checkpoint',
  summary: 'The last signed checkpoint (C2SP tlog-checkpoint)',
  permission: 'audit:read',
  installationWide: true,
  audit: null,
  status: 200,
  output: Type.String(),
  outputType: 'text/plain; charset=utf-8',
  errors: ['audit.position_not_found'],
  handle: async ({ publisher }) => {
    if (publisher.last === null) throw new DomainError('audit.position_not_found')
    return publisher.last.note
  },
})

export const getTileOperation = operation({
  id: 'audit.log.tile',
  method: 'GET',
  path: '/v1/audit/log/tile/{path+}',
  summary:
    'A tile of hashes or a bundle of entries (C2SP tlog-tiles): <level>/<index>[.p/<width>] or entries/<index>[.p/<width>]',
  permission: 'audit:read',
  installationWide: true,
  audit: null,
  status: 200,
  params: closed({ path: Type.String({ minLength: 1, maxLength: 64, pattern: '^[0-9a-z./]+$' }) }),
  output: Type.Unsafe<Uint8Array>({ type: 'string', contentEncoding: 'binary' }),
  outputType: 'application/octet-stream',
  errors: ['audit.tile_not_found'],
  handle: async ({ domain }, _by, { params }) => readTile(domain.store.reader, `tile/${params.path}`),
})

export const getBatchOperation = operation({
  id: 'audit.log.batch',
  method: 'GET',
  path: '/v1/audit/batches/{position}',
  summary: 'What the event at a position changed beyond what it names itself: one canonical line per object',
  permission: 'audit:read',
  installationWide: true,
  audit: null,
  status: 200,
  params: closed({ position: PositionSchema }),
  output: Type.Unsafe<Uint8Array>({ type: 'string', contentEncoding: 'binary' }),
  outputType: 'application/octet-stream',
  errors: ['audit.batch_not_found'],
  handle: async ({ domain }, _by, { params }) => {
    const batch = await domain.store.reader.auditBatch(params.position)
    if (batch === null) throw new DomainError('audit.batch_not_found')
    return batch
  },
})
