import { getBulkOperation, listBulkOperations, undoBulkOperation } from '../../../keys/bulk/undo.ts'
import { BulkOperationIdSchema, BulkOperationSchema, presentBulkOperation } from '../../bulk-schemas.ts'
import { bulkOperationAgain } from '../../repeat.ts'
import { operation } from '../../operation.ts'
import { pageRequest } from '../../present.ts'
import { closed, pageOf, PageQuery } from '../../schemas.ts'

export const listBulkOperationsOperation = operation({
  id: 'bulk-operations.list',
  method: 'GET',
  path: '/v1/bulk-operations',
  summary: 'List bulk operations, oldest first',
  permission: 'bulk-operations:read',
  audit: null,
  status: 200,
  query: closed(PageQuery),
  output: pageOf(BulkOperationSchema),
  errors: [],
  handle: async ({ domain }, by, { query }) => {
    const { items, nextCursor } = await listBulkOperations(domain, by, pageRequest(query))
    return { items: items.map(presentBulkOperation), nextCursor }
  },
})

export const getBulkOperationOperation = operation({
  id: 'bulk-operations.get',
  method: 'GET',
  path: '/v1/bulk-operations/{bulkOperationId}',
  summary: 'Show a bulk operation and how far it has come',
  permission: 'bulk-operations:read',
  audit: null,
  status: 200,
  params: closed({ bulkOperationId: BulkOperationIdSchema }),
  output: BulkOperationSchema,
  errors: ['bulk_operation.not_found'],
  handle: async ({ domain }, by, { params }) =>
    presentBulkOperation(await getBulkOperation(domain, by, params.bulkOperationId)),
})

export const undoBulkOperationOperation = operation({
  id: 'bulk-operations.undo',
  method: 'POST',
  path: '/v1/bulk-operations/{bulkOperationId}/undo',
  summary:
    'Put back what a bulk operation changed and nobody has touched since, while its undo window is open',
  permission: 'bulk-operations:undo',
  audit: 'bulk_operation.undo_started',
  status: 200,
  params: closed({ bulkOperationId: BulkOperationIdSchema }),
  output: BulkOperationSchema,
  errors: ['bulk_operation.not_found', 'bulk_operation.not_undoable'],
  repeat: bulkOperationAgain,
  handle: async ({ domain }, by, { params }) =>
    presentBulkOperation(await undoBulkOperation(domain, by, params.bulkOperationId)),
})
