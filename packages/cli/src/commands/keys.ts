import { CONNECTION_OPTIONS, PAGE_OPTIONS, PROJECT_OPTION, ENVIRONMENT_OPTION } from '../arguments.ts'
import type { Command } from '../command.ts'
import { parseTime } from '../duration.ts'
import { EXIT } from '../failure.ts'
import { given } from '../fields.ts'
import { keyColumns } from '../key-text.ts'
import { LIMIT_OPTIONS, readLimits } from '../key-limits.ts'
import { EXPIRY_OPTIONS, readExpiry } from '../key-times.ts'
import { presentList } from '../pages.ts'
import { SECRET_OPTIONS } from '../secret-output.ts'
import { API_KEY_LIFECYCLE_COMMANDS, lifecycleCommands, makeSecret } from './key-lifecycle.ts'

export const KEY_COMMANDS: readonly Command[] = [
  {
    path: ['keys', 'create'],
    summary: 'issue an API key to an owner',
    operations: ['keys.create'],
    options: {
      owner: { type: 'text', placeholder: 'OWNER', help: 'owner id', required: true },
      environment: ENVIRONMENT_OPTION,
      permission: {
        type: 'list',
        placeholder: 'PERMISSION',
        help: "for example market:read, orders:*, '!funds:withdraw' to deny",
      },
      ...LIMIT_OPTIONS,
      name: { type: 'text', help: 'display name' },
      project: PROJECT_OPTION,
      'not-before': { type: 'text', placeholder: 'TIME', help: 'RFC 3339; not accepted earlier' },
      ...EXPIRY_OPTIONS,
      ...SECRET_OPTIONS,
      ...CONNECTION_OPTIONS,
    },
    examples: [
      'keystead keys create --owner own_01k3f8c2x5w9m7q4t6v0b1n2p3 --environment production \\',
      "    --permission market:read --permission '!funds:withdraw' --expires-in 90d --secret-file ./acme.key",
      'keystead keys create --owner own_01k3f8c2x5w9m7q4t6v0b1n2p3 --environment staging --permission market:read | vault-import',
    ],
    run: async (invocation) => {
      const { values, world } = invocation
      const notBefore = values.text('not-before')
      const body = given({
        projectId: values.text('project'),
        environment: values.required('environment'),
        ownerId: values.required('owner'),
        name: values.text('name'),
        permissions: values.list('permission'),
        ...readLimits(values),
        notBefore: notBefore === undefined ? undefined : parseTime('not-before', notBefore),
        expiresAt: readExpiry(values, world.now()),
      })
      return await makeSecret(invocation, '/v1/keys', body)
    },
  },
  {
    path: ['keys', 'list'],
    summary: 'list API keys',
    operations: ['keys.list'],
    options: {
      project: { type: 'text', placeholder: 'PROJECT', help: 'only this project' },
      environment: { type: 'text', placeholder: 'ENV', help: 'only this environment' },
      owner: { type: 'text', placeholder: 'OWNER', help: 'only keys of this owner' },
      role: { type: 'text', placeholder: 'ROLE', help: 'only keys that have this role' },
      state: {
        type: 'text',
        placeholder: 'STATE',
        help: 'pre-active, active, suspended, deactivated, compromised, destroyed',
      },
      ...PAGE_OPTIONS,
      ...CONNECTION_OPTIONS,
    },
    examples: [
      'keystead keys list --state active',
      'keystead keys list --environment production --all --json',
    ],
    run: async (invocation) => {
      const { values, world } = invocation
      await presentList(invocation, {
        path: '/v1/keys',
        filters: {
          projectId: values.text('project'),
          environment: values.text('environment'),
          ownerId: values.text('owner'),
          roleId: values.text('role'),
          state: values.text('state'),
        },
        columns: keyColumns(world.now()),
      })
      return EXIT.ok
    },
  },
  ...lifecycleCommands('keys'),
  ...API_KEY_LIFECYCLE_COMMANDS,
]
