import { AUDIT_ACTIONS, type AuditAction } from '@keystead/protocol/audit-actions'
import { parseAuditEvent } from '@keystead/protocol/audit-event'
import { hexEncode } from '@keystead/protocol/bytes'
import { Type } from 'typebox'
import { DomainError } from '../../../errors.ts'
import type { AuditEntry } from '../../../storage/records.ts'
import type { Reader } from '../../../storage/store.ts'
import { operation } from '../../operation.ts'
import { pageRequest } from '../../present.ts'
import { closed, pageOf, PageQuery, PositionSchema } from '../../schemas.ts'

/** The event is the leaf as it was written: see docs/reference/audit-events.md. */
const EntrySchema = closed({
  position: PositionSchema,
  leafHash: Type.String({ description: 'SHA-256 of 0x00 and the leaf, hex' }),
  event: Type.Object({}, { additionalProperties: true, description: 'docs/reference/audit-events.md' }),
})

export const listAuditEventsOperation = operation({
  id: 'audit.events.list',
  method: 'GET',
  path: '/v1/audit/events',
  summary: 'List audit events in the order of the log; the cursor is the last position',
  permission: 'audit:read',
  installationWide: true,
  audit: null,
  status: 200,
  query: closed({
    ...PageQuery,
    targetId: Type.Optional(Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-z0-9_]+$' })),
    action: Type.Optional(Type.Enum(Object.keys(AUDIT_ACTIONS) as AuditAction[])),
  }),
  output: pageOf(EntrySchema),
  errors: [],
  handle: async ({ domain }, _by, { query }) => {
    const { limit, cursor } = pageRequest(query)
    const filter = { targetId: query.targetId ?? null, action: query.action ?? null }
    const after = cursor === null ? -1 : positionOf(cursor)
    const positions = await domain.store.reader.auditPositions(filter, after, limit + 1)
    const items = []
    for (const position of positions.slice(0, limit))
      items.push(present(await entryAt(domain.store.reader, position)))
    return { items, nextCursor: positions.length > limit ? String(positions[limit - 1]) : null }
  },
})

export const getAuditEventOperation = operation({
  id: 'audit.events.get',
  method: 'GET',
  path: '/v1/audit/events/{position}',
  summary: 'Show one audit event',
  permission: 'audit:read',
  installationWide: true,
  audit: null,
  status: 200,
  params: closed({ position: PositionSchema }),
  output: EntrySchema,
  errors: ['audit.position_not_found'],
  handle: async ({ domain }, _by, { params }) => present(await entryAt(domain.store.reader, params.position)),
})

async function entryAt(reader: Reader, position: number): Promise<AuditEntry> {
  const [entry] = await reader.auditEntries(position, 1)
  if (entry?.position !== position) throw new DomainError('audit.position_not_found')
  return entry
}

function present(entry: AuditEntry) {
  return {
    position: entry.position,
    leafHash: hexEncode(entry.leafHash),
    event: parseAuditEvent(entry.bytes) as object,
  }
}

function positionOf(cursor: string): number {
  if (!/^\d{1,15}$/.test(cursor)) {
    throw new DomainError('request.invalid', null, {
      errors: [{ path: '/query/cursor', message: 'must be a position' }],
    })
  }
  return Number(cursor)
}
