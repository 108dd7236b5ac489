import { Type } from 'typebox'
import type { BootId } from '../../../ids.ts'
import { listEmitters, readBatch } from '../../../usage/read.ts'
import { operation } from '../../operation.ts'
import { pageRequest } from '../../present.ts'
import { closed, nullable, pageOf, PageQuery, TimeSchema } from '../../schemas.ts'
import { BootIdSchema } from './schemas.ts'

export const listEmittersOperation = operation({
  id: 'usage.emitters.list',
  method: 'GET',
  path: '/v1/usage/emitters',
  summary:
    'What each run of a server process has told about uses: batches, records, dropped, and whether it ended in order',
  permission: 'usage:read',
  installationWide: true,
  audit: null,
  status: 200,
  query: closed(PageQuery),
  output: pageOf(
    closed({
      id: BootIdSchema,
      version: Type.Integer(),
      createdAt: TimeSchema,
      node: Type.String(),
      state: Type.Enum(['active', 'deactivated']),
      lastFlushAt: nullable(TimeSchema),
      closedAt: nullable(TimeSchema),
      batches: Type.Integer(),
      records: Type.Integer(),
      dropped: Type.Integer(),
    }),
  ),
  errors: [],
  handle: async ({ domain }, by, { query }) => {
    const { items, nextCursor } = await listEmitters(domain, by, pageRequest(query))
    return { items: [...items], nextCursor }
  },
})

export const getRecordsOperation = operation({
  id: 'usage.records.get',
  method: 'GET',
  path: '/v1/usage/records/{boot}/{batchNumber}',
  summary: 'The records of one batch, 32 bytes each: see docs/reference/use-records.md',
  permission: 'audit:read',
  installationWide: true,
  audit: null,
  status: 200,
  params: closed({
    boot: BootIdSchema,
    batchNumber: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  }),
  output: Type.Unsafe<Uint8Array>({ type: 'string', contentEncoding: 'binary' }),
  outputType: 'application/octet-stream',
  errors: ['usage.not_found'],
  handle: async ({ domain }, by, { params }) =>
    readBatch(domain, by, params.boot as BootId, params.batchNumber),
})
