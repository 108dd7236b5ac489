import { TARGET_TYPES, KEY_STATES } from '@keystead/protocol/lifecycle'
import { Type } from 'typebox'
import { operation } from '../../operation.ts'
import { closed } from '../../schemas.ts'

const LineSchema = closed({
  type: Type.Enum([...TARGET_TYPES]),
  id: Type.String(),
  version: Type.Integer(),
  state: Type.Enum([...KEY_STATES]),
  salt: Type.String({ description: '32 bytes, base64url; opens the commitment together with the text' }),
  text: Type.String({ description: 'the row: JSON of its table and of its columns that are not null' }),
})

export const exportStateOperation = operation({
  id: 'audit.state.export',
  method: 'GET',
  path: '/v1/audit/state',
  summary:
    'All stored objects at one size of the log, page by page, with what opens their commitments and the checkpoint of that size',
  permission: 'audit:read',
  installationWide: true,
  audit: null,
  status: 200,
  query: closed({
    cursor: Type.Optional(Type.String({ maxLength: 40, pattern: '^[A-Za-z0-9_-]{22}\\.[0-9]{1,9}$' })),
  }),
  output: closed({
    size: Type.Integer({ minimum: 0 }),
    checkpoint: Type.String({ description: 'the signed note over exactly this size' }),
    items: Type.Array(LineSchema),
    nextCursor: Type.Union([Type.String(), Type.Null()], {
      description: 'ask with it within a minute; null at the end',
    }),
  }),
  errors: ['audit.state_expired', 'audit.halted', 'server.overloaded', 'storage.unavailable'],
  handle: async ({ stateExports }, _by, { query }) => {
    const { lines, ...page } = await (query.cursor === undefined
      ? stateExports.begin()
      : stateExports.next(query.cursor))
    return { ...page, items: [...lines] }
  },
})
