import { VERIFICATION_CODES } from '@keystead/protocol/decision'
import { Type } from 'typebox'
import { USE_PERIODS } from '../../../storage/records.ts'
import { listUsage } from '../../../usage/read.ts'
import { operation } from '../../operation.ts'
import { pageRequest } from '../../present.ts'
import {
  closed,
  EnvironmentSchema,
  KeyIdSchema,
  nullable,
  OwnerIdSchema,
  PageQuery,
  ProjectIdSchema,
  TimeSchema,
} from '../../schemas.ts'
import { BootIdSchema } from './schemas.ts'

const PeriodSchema = closed({
  startAt: TimeSchema,
  counts: Type.Array(
    closed({
      environment: nullable(EnvironmentSchema),
      code: Type.Enum([...VERIFICATION_CODES]),
      count: Type.Integer(),
    }),
  ),
})

export const listUsageOperation = operation({
  id: 'usage.list',
  method: 'GET',
  path: '/v1/usage',
  summary:
    'Counts of use of one key, owner or project, or of texts that proved no key, by minute, hour or day',
  permission: 'usage:read',
  audit: null,
  status: 200,
  query: closed({
    ...PageQuery,
    keyId: Type.Optional(KeyIdSchema),
    ownerId: Type.Optional(OwnerIdSchema),
    projectId: Type.Optional(ProjectIdSchema),
    unknown: Type.Optional(Type.Enum(['true'], { description: 'texts that proved no key' })),
    environment: Type.Optional(EnvironmentSchema),
    period: Type.Optional(Type.Enum([...USE_PERIODS])),
    from: Type.Optional(TimeSchema),
    to: Type.Optional(TimeSchema),
  }),
  output: closed({
    items: Type.Array(PeriodSchema),
    nextCursor: nullable(Type.String()),
    from: Type.Integer(),
    to: Type.Integer({ description: 'excluded' }),
    gaps: Type.Array(
      closed({
        boot: BootIdSchema,
        from: TimeSchema,
        to: TimeSchema,
        dropped: nullable(Type.Integer({ description: 'null where a process was cut off' })),
      }),
      { description: 'where not every use is known' },
    ),
  }),
  errors: ['key.not_found', 'owner.not_found', 'project.not_found'],
  handle: async ({ domain }, by, { query }) => {
    const { period = 'hour', unknown, ...rest } = query
    const asked = { ...rest, period, unknown: unknown !== undefined }
    const { items, gaps, ...page } = await listUsage(domain, by, asked, pageRequest(query))
    const counted = items.map(({ startAt, counts }) => ({ startAt, counts: [...counts] }))
    return { ...page, items: counted, gaps: [...gaps] }
  },
})
