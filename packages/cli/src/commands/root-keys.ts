import { CONNECTION_OPTIONS, PAGE_OPTIONS } from '../arguments.ts'
import type { Command } from '../command.ts'
import { EXIT, usageFailure } from '../failure.ts'
import { given } from '../fields.ts'
import { keyColumns } from '../key-text.ts'
import { EXPIRY_OPTIONS, readExpiry } from '../key-times.ts'
import { presentList } from '../pages.ts'
import { SECRET_OPTIONS } from '../secret-output.ts'
import { lifecycleCommands, makeSecret } from './key-lifecycle.ts'

export const ROOT_KEY_COMMANDS: readonly Command[] = [
  {
    path: ['root-keys', 'create'],
    summary: 'make a root key: a credential for operators, gateways and automation',
    operations: ['root-keys.create'],
    options: {
      permission: {
        type: 'list',
        placeholder: 'PERMISSION',
        help: 'for example keys:verify',
        required: true,
      },
      name: { type: 'text', help: 'display name' },
      project: {
        type: 'text',
        placeholder: 'PROJECT',
        help: 'bind the key to this project (left out: the only one)',
      },
      'every-project': { type: 'flag', help: 'bind the key to no project; auditors need this' },
      environment: { type: 'text', placeholder: 'ENV', help: 'bind the key to this environment' },
      ...EXPIRY_OPTIONS,
      ...SECRET_OPTIONS,
      ...CONNECTION_OPTIONS,
    },
    notes: ['A root key that verifies API keys is bound to one project and one environment.'],
    examples: [
      'keystead root-keys create --name gateway --project prj_01k3f8c2x5w9m7q4t6v0b1n2p3 --environment production \\',
      '    --permission keys:verify --expires-in 365d --secret-file ./gateway.key',
      'keystead root-keys create --name auditor --every-project --permission audit:read --expires-in 30d \\',
      '    --secret-file ./auditor.key',
    ],
    run: async (invocation) => {
      const { values, world } = invocation
      const expiresAt = readExpiry(values, world.now())
      if (expiresAt === undefined) throw usageFailure('a root key expires: give --expires-in or --expires-at')
      const project = values.text('project')
      if (project !== undefined && values.flag('every-project')) {
        throw usageFailure('--project and --every-project contradict each other')
      }
      const body = given({
        projectId: values.flag('every-project') ? null : project,
        environment: values.text('environment'),
        name: values.text('name'),
        permissions: values.list('permission'),
        expiresAt,
      })
      return await makeSecret(invocation, '/v1/root-keys', body)
    },
  },
  {
    path: ['root-keys', 'list'],
    summary: 'list root keys',
    operations: ['root-keys.list'],
    options: {
      project: { type: 'text', placeholder: 'PROJECT', help: 'only this project' },
      environment: { type: 'text', placeholder: 'ENV', help: 'only this environment' },
      state: { type: 'text', placeholder: 'STATE', help: 'only this state' },
      ...PAGE_OPTIONS,
      ...CONNECTION_OPTIONS,
    },
    examples: ['keystead root-keys list'],
    run: async (invocation) => {
      const { values, world } = invocation
      await presentList(invocation, {
        path: '/v1/root-keys',
        filters: {
          projectId: values.text('project'),
          environment: values.text('environment'),
          state: values.text('state'),
        },
        columns: keyColumns(world.now()),
      })
      return EXIT.ok
    },
  },
  ...lifecycleCommands('root-keys'),
]
