import assert from 'node:assert/strict'
import { randomBase62 } from '@keystead/protocol/api-key'
import type { AuditAction } from '@keystead/protocol/audit-actions'
import { newId } from '../ids.ts'
import { systemRandom } from '../random.ts'
import { START } from '../world.test-support.ts'
import type { ApiKey, BulkChunk, BulkOperation, Owner, Project, UseEmitter, UseSegment } from './records.ts'
import type { Committed, Provenance, RecordedEvent, Store } from './store.ts'

export const PROVENANCE: Provenance = { actor: { type: 'system', id: null }, request: null }
const clock = (): number => START

export function event(action: AuditAction): RecordedEvent {
  return { action, projectId: null, environment: null }
}

export function newProject(name = 'default'): Project {
  return { id: newId('project', clock, systemRandom), version: 1, createdAt: START, name }
}

export function newOwner(project: Project): Owner {
  const id = newId('owner', clock, systemRandom)
  return {
    id,
    version: 1,
    createdAt: START,
    projectId: project.id,
    externalId: id,
    name: 'Desk',
    metadata: {},
  }
}

export function newKey(owner: Owner, change: Partial<ApiKey> = {}): ApiKey {
  return {
    id: newId('key', clock, systemRandom),
    version: 1,
    createdAt: START,
    kind: 'key',
    projectId: owner.projectId,
    environment: 'production',
    ownerId: owner.id,
    brand: 'ks',
    locator: randomBase62(12, systemRandom),
    name: 'reader',
    permissions: ['market:read'],
    roles: [],
    allowedAddresses: [],
    state: 'active',
    notBefore: null,
    expiresAt: null,
    revokedAt: null,
    revocationReason: null,
    versions: [{ number: 1, digest: 'd'.repeat(43), createdAt: START, acceptedUntil: null }],
    destroyAt: null,
    imported: null,
    ...change,
  }
}

/** One that waits for the end of its undo window. */
export function newBulkOperation(project: Project): BulkOperation {
  return {
    id: newId('bulkOperation', clock, systemRandom),
    version: 1,
    createdAt: START,
    projectId: project.id,
    environment: 'production',
    action: 'update',
    query: { ownerIds: ['own_1'], all: true, namePrefix: 'Ünï💠 "quoted"' },
    parameters: { permissionsAdd: ['market:read'], expiresAt: null },
    requestedBy: null,
    phase: 'waiting',
    asOf: START,
    logSize: 1,
    total: 2,
    changed: 2,
    ...{ skipped: 0, settled: 0, kept: 0 },
    chunks: 1,
    position: null,
    undoUntil: START + 1_000,
  }
}

export function newBulkChunk(operation: BulkOperation): BulkChunk {
  const keyId = newId('key', clock, systemRandom)
  return {
    id: newId('bulkChunk', clock, systemRandom),
    version: 1,
    createdAt: START,
    operationId: operation.id,
    number: 1,
    items: [
      { keyId, version: 2, changed: true, before: { permissions: ['orders:*'], expiresAt: 5 } },
      { keyId, version: 3, changed: true, before: { versionNumber: 1 } },
      { keyId, version: 1, changed: false, before: null },
    ],
  }
}

/** One that has told about one batch. */
export function newEmitter(): UseEmitter {
  return {
    id: newId('boot', clock, systemRandom),
    version: 1,
    createdAt: START,
    node: 'test',
    state: 'active',
    lastFlushAt: START + 5,
    closedAt: null,
    ...{ batches: 1, records: 3, dropped: 2 },
  }
}

export function newSegment({ id }: UseEmitter, batchNumber: number): UseSegment {
  const bytes = new Uint8Array(96).fill(batchNumber)
  return { boot: id, batchNumber, from: START, to: START + 4, count: 3, dropped: 2, bytes }
}

export async function saveSegment(store: Store, emitter: UseEmitter): Promise<Committed<void>> {
  return store.transact(PROVENANCE, async (tx) => {
    await tx.saveUseEmitter(null, emitter)
    await tx.saveUseSegment(newSegment(emitter, 1))
    tx.record({ ...event('use.recorded'), details: { boot: emitter.id, batchNumber: 1 } })
  })
}

export async function saveProject(store: Store, project: Project): Promise<Committed<void>> {
  return store.transact(PROVENANCE, async (tx) => {
    await tx.saveProject(project)
    tx.record(event('project.created'))
  })
}

/** Many objects in one transaction, which is one leaf. */
export async function saveProjects(store: Store, count: number): Promise<Committed<void>> {
  return store.transact(PROVENANCE, async (tx) => {
    for (let i = 0; i < count; i++) await tx.saveProject(newProject(`p${i}`))
    tx.record(event('project.created'))
  })
}

/** For assert.rejects: a DomainError with this code. */
export function code(expected: string): (error: unknown) => true {
  return (error) => {
    assert.equal((error as { code?: unknown }).code, expected, String(error))
    return true
  }
}
