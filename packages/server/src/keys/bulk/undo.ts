import { afterwards, type Authorized, isWithin } from '../../access/authorize.ts'
import type { Domain } from '../../domain.ts'
import { DomainError } from '../../errors.ts'
import type { BulkOperation, Page } from '../../storage/records.ts'
import type { PageRequest } from '../../storage/store.ts'
import { advanceForCaller } from './advance.ts'
import { saveProgress } from './step.ts'

/** One operation. `bulk_operation.not_found` outside the caller's reach. */
export async function getBulkOperation(
  domain: Domain,
  by: Authorized<'bulk-operations:read'>,
  id: string,
): Promise<BulkOperation> {
  return requireVisible(await domain.store.reader.bulkOperation(id), by)
}

/** Operations within the caller's reach, oldest first. */
export async function listBulkOperations(
  domain: Domain,
  by: Authorized<'bulk-operations:read'>,
  page: PageRequest,
): Promise<Page<BulkOperation>> {
  return domain.store.reader.bulkOperations(by.reach, page)
}

/**
 * Puts back exactly what the operation changed and nobody has touched since, also while it is still running. When the
 * answer is `undone`, all of it is on disk. `bulk_operation.not_found`; `bulk_operation.not_undoable` when the window is
 * over, there was none, or it was undone before.
 */
export async function undoBulkOperation(
  domain: Domain,
  by: Authorized<'bulk-operations:undo'>,
  id: string,
): Promise<BulkOperation> {
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const operation = requireVisible(await tx.bulkOperation(id), by)
    const { phase, undoUntil } = operation
    const isOpen = phase === 'running' || phase === 'waiting'
    if (!isOpen || undoUntil === null || domain.clock() >= undoUntil)
      throw new DomainError('bulk_operation.not_undoable')
    return await saveProgress(tx, operation, 'bulk_operation.undo_started', {
      phase: 'undoing',
      position: null,
    })
  })
  return advanceForCaller(domain, value, afterwards(by.provenance))
}

function requireVisible(
  operation: BulkOperation | null,
  by: Authorized<'bulk-operations:read'> | Authorized<'bulk-operations:undo'>,
): BulkOperation {
  if (operation === null || !isWithin(by.reach, operation)) throw new DomainError('bulk_operation.not_found')
  return operation
}
