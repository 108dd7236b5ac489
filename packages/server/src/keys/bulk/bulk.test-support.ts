import assert from 'node:assert/strict'
import type { BulkOperation } from '../../storage/records.ts'
import { type Installation, may } from '../../world.test-support.ts'
import type { Preview } from './preview.ts'
import { type BulkRequest, startBulk } from './start.ts'

type Home = Pick<Installation, 'domain' | 'projectId'>

/** Production keys, suspended with ten minutes to undo it, unless said otherwise. */
export function bulkRequest(world: Home, request: Partial<BulkRequest>): BulkRequest {
  return {
    projectId: world.projectId,
    environment: 'production',
    action: 'suspend',
    query: { all: true },
    parameters: {},
    undoSeconds: 600,
    dryRun: false,
    ...request,
  }
}

/** The operation as the answer to its request shows it. */
export async function bulk(world: Home, request: Partial<BulkRequest> = {}): Promise<BulkOperation> {
  const { operation } = await startBulk(world.domain, may('keys:bulk'), bulkRequest(world, request))
  assert.ok(operation)
  return operation
}

export async function dryRun(world: Home, request: Partial<BulkRequest> = {}): Promise<Preview> {
  const wanted = bulkRequest(world, { ...request, dryRun: true })
  return (await startBulk(world.domain, may('keys:bulk'), wanted)).preview
}
