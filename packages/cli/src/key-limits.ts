import type { JsonObject } from './client.ts'
import type { OptionSpec } from './command.ts'
import { given } from './fields.ts'
import type { Values } from './values.ts'

/** Options that say which roles an API key has and from where it is accepted. */
export const LIMIT_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  role: { type: 'list', placeholder: 'ROLE', help: 'id of a role whose permissions the key has as well' },
  'allow-address': {
    type: 'list',
    placeholder: 'RANGE',
    help: 'accepted client addresses, such as 203.0.113.0/24; without it any',
  },
}

/** The body fields of those options that were given. */
export function readLimits(values: Values): JsonObject {
  return given({ roles: values.list('role'), allowedAddresses: values.list('allow-address') })
}
