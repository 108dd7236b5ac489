import type { Environment } from '@keystead/protocol/api-key'
import { afterwards, type Authorized, requireEnvironment } from '../../access/authorize.ts'
import type { Domain } from '../../domain.ts'
import { DomainError } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { resolveProject } from '../../projects/resolve.ts'
import type { BulkAction, BulkOperation, BulkParameters, BulkQuery } from '../../storage/records.ts'
import { advanceForCaller } from './advance.ts'
import { type Draft, type Preview, preview, readConfirmation } from './preview.ts'
import { eventOf } from './step.ts'

/** What a person can still oversee without a dry run. */
const UNCONFIRMED_KEYS_MAX = 100
/** A confirmation is of what somebody has just looked at. */
const CONFIRMATION_MS_MAX = 15 * 60_000
/** A week: beyond it nobody remembers, and suspended keys are a state of their own. */
export const UNDO_SECONDS_MAX = 7 * 86_400
/** Ten minutes are enough to hear the first complaint. */
export const UNDO_SECONDS_DEFAULT = 600

export interface BulkRequest {
  readonly projectId?: string
  /** Left out: the credential's environment, or every one. */
  readonly environment?: Environment
  readonly action: BulkAction
  readonly query: BulkQuery
  readonly parameters: BulkParameters
  /** 0: it cannot be undone. */
  readonly undoSeconds: number
  readonly dryRun: boolean
  /** From a dry run of the same request. */
  readonly confirm?: string
}

export interface BulkAnswer {
  readonly preview: Preview
  /** Null for a dry run. */
  readonly operation: BulkOperation | null
}

/**
 * Changes all API keys that a query names, or says what that would change. When the answer's operation is not `running`
 * any more, all of them have changed and are on disk. It needs the action's own permission too, a dry run does not.
 * Errors: `project.*`, `access.denied`, `request.invalid` (no criterion, or a parameter that is not the action's),
 * `bulk_operation.unconfirmed` (more than 100 keys, or others than were seen), `bulk_operation.too_many_keys`.
 */
export async function startBulk(
  domain: Domain,
  by: Authorized<'keys:bulk'>,
  request: BulkRequest,
): Promise<BulkAnswer> {
  const { action } = request
  requireCriterion(request.query)
  requireParameters(action, request.parameters)
  if (!request.dryRun && !by.canGive([`keys:${action}`]))
    throw new DomainError('access.denied', `It needs the permission keys:${action}.`)
  const draft = await draftOf(domain, by, request)
  const seen = await preview(domain, draft)
  if (request.dryRun) return { preview: seen, operation: null }
  requireConfirmed(request.confirm, seen)
  const { value } = await domain.store.transact(by.provenance, async (tx) => {
    const operation: BulkOperation = {
      ...draft,
      id: newId('bulkOperation', domain.clock, domain.random),
      version: 1,
      createdAt: domain.clock(),
      requestedBy: by.provenance.actor.id,
      phase: 'running',
      total: seen.total,
      ...{ changed: 0, skipped: 0, settled: 0, kept: 0, chunks: 0 },
      position: null,
    }
    await tx.saveBulkOperation(null, operation)
    const { total, undoUntil } = operation
    tx.record(eventOf(operation, 'bulk_operation.started', { total, undoUntil }))
    return operation
  })
  const operation = await advanceForCaller(domain, value, afterwards(by.provenance))
  return { preview: seen, operation }
}

async function draftOf(domain: Domain, by: Authorized<'keys:bulk'>, request: BulkRequest): Promise<Draft> {
  const { reach, provenance } = by
  const { value: projectId } = await domain.store.transact(provenance, async (tx) =>
    resolveProject(tx, reach, request.projectId),
  )
  const environment = request.environment ?? reach.environment
  requireEnvironment(reach, environment)
  const now = domain.clock()
  const { action, query, parameters, undoSeconds } = request
  const undoUntil = undoSeconds === 0 ? null : now + undoSeconds * 1_000
  const moment =
    request.confirm === undefined
      ? { asOf: now, logSize: domain.store.head().size }
      : readConfirmation(request.confirm)
  if (moment === null || moment.asOf > now || moment.asOf < now - CONFIRMATION_MS_MAX)
    throw new DomainError('bulk_operation.unconfirmed', 'The confirmation is too old, or none.')
  return { projectId, environment, action, query, parameters, undoUntil, ...moment }
}

/** Nobody changes more than they saw: many keys need a dry run, and exactly the keys of that dry run (T-30). */
function requireConfirmed(confirm: string | undefined, { affected, confirm: expected }: Preview): void {
  if (confirm === undefined && affected > UNCONFIRMED_KEYS_MAX)
    throw new DomainError(
      'bulk_operation.unconfirmed',
      `It would change ${affected} keys; more than ${UNCONFIRMED_KEYS_MAX} need a dry run first.`,
    )
  if (confirm !== undefined && confirm !== expected)
    throw new DomainError(
      'bulk_operation.unconfirmed',
      `The request or the keys that it names are not those of the dry run: it would change ${affected} keys now.`,
    )
}

/** Everything is said, never the result of an empty form. */
function requireCriterion(query: BulkQuery): void {
  if (Object.values(query).some((criterion) => criterion !== undefined)) return
  throw invalid('/body/query', 'must have a criterion; `all: true` means every key')
}

const PARAMETERS_OF: Readonly<Record<BulkAction, readonly (keyof BulkParameters)[]>> = {
  suspend: [],
  revoke: ['reason'],
  rotate: ['overlapSeconds'],
  update: ['permissionsAdd', 'permissionsRemove', 'expiresAt'],
}

function requireParameters(action: BulkAction, parameters: BulkParameters): void {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined)
  const names: readonly string[] = PARAMETERS_OF[action]
  for (const [name] of given)
    if (!names.includes(name)) throw invalid(`/body/parameters/${name}`, `is not a parameter of ${action}`)
  if (action === 'update' && given.length === 0)
    throw invalid('/body/parameters', 'must say what is to be updated')
}

function invalid(path: string, message: string): DomainError {
  return new DomainError('request.invalid', null, { errors: [{ path, message }] })
}
