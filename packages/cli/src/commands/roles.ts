import { CONNECTION_OPTIONS, PAGE_OPTIONS, PROJECT_OPTION } from '../arguments.ts'
import type { JsonObject } from '../client.ts'
import type { Command, Invocation, OptionSpec } from '../command.ts'
import { EXIT, type ExitCode, usageFailure } from '../failure.ts'
import { asText, asTexts, given } from '../fields.ts'
import { presentList } from '../pages.ts'
import { renderFields } from '../table.ts'
import { formatTime } from '../time.ts'
import { identifier } from '../values.ts'

const PERMISSION: OptionSpec = {
  type: 'list',
  placeholder: 'PERMISSION',
  help: "for example market:read, orders:*, '!funds:withdraw' to deny",
}
const DESCRIPTION: OptionSpec = { type: 'text', help: 'what the role is for' }
const ROLE = { name: 'role-id', help: 'rol_...' } as const
const EXAMPLE = 'rol_01k3f8c2x5w9m7q4t6v0b1n2p3'

export const ROLE_COMMANDS: readonly Command[] = [
  {
    path: ['roles', 'create'],
    summary: 'add a role, a named set of permissions that keys can be given',
    operations: ['roles.create'],
    options: {
      name: { type: 'text', help: 'name, unique in the project for ever', required: true },
      permission: { ...PERMISSION, required: true },
      description: DESCRIPTION,
      project: PROJECT_OPTION,
      ...CONNECTION_OPTIONS,
    },
    examples: ["keystead roles create --name trader --permission 'orders.*:trade' --permission market:read"],
    run: async (invocation) => {
      const { values } = invocation
      const body = given({
        projectId: values.text('project'),
        name: values.required('name'),
        description: values.text('description'),
        permissions: values.list('permission'),
      })
      return await presentRole(invocation, await (await invocation.authenticated()).post('/v1/roles', body))
    },
  },
  {
    path: ['roles', 'list'],
    summary: 'list roles',
    operations: ['roles.list'],
    options: { project: PROJECT_OPTION, ...PAGE_OPTIONS, ...CONNECTION_OPTIONS },
    examples: ['keystead roles list --all --json'],
    run: async (invocation) => {
      await presentList(invocation, {
        path: '/v1/roles',
        filters: { projectId: invocation.values.text('project') },
        columns: [
          { title: 'ROLE', cell: (role) => asText(role['id']) },
          { title: 'NAME', cell: (role) => asText(role['name']) },
          { title: 'STATE', cell: (role) => asText(role['state']) },
          { title: 'PERMISSIONS', cell: (role) => asTexts(role['permissions']).join(' '), shrink: true },
          { title: 'DESCRIPTION', cell: (role) => asText(role['description']), shrink: true, optional: true },
        ],
      })
      return EXIT.ok
    },
  },
  {
    path: ['roles', 'get'],
    summary: 'show one role',
    operations: ['roles.get'],
    positionals: [ROLE],
    options: CONNECTION_OPTIONS,
    examples: [`keystead roles get ${EXAMPLE}`],
    run: async (invocation) =>
      await presentRole(invocation, await (await invocation.authenticated()).get(pathOf(invocation))),
  },
  {
    path: ['roles', 'update'],
    summary: 'change what a role gives, to every key that has it, at once',
    operations: ['roles.update'],
    positionals: [ROLE],
    options: {
      permission: { ...PERMISSION, help: 'replaces all permissions' },
      description: DESCRIPTION,
      ...CONNECTION_OPTIONS,
    },
    examples: [`keystead roles update ${EXAMPLE} --permission market:read`],
    run: async (invocation) => {
      const { values } = invocation
      const body = given({
        description: values.text('description'),
        permissions: values.list('permission'),
      })
      if (Object.keys(body).length === 0)
        throw usageFailure('nothing to change: give --permission or --description')
      return await presentRole(
        invocation,
        await (await invocation.authenticated()).patch(pathOf(invocation), body),
      )
    },
  },
  {
    path: ['roles', 'deactivate'],
    summary: 'end a role for ever; keys that have it lose what it gave',
    operations: ['roles.deactivate'],
    positionals: [ROLE],
    options: CONNECTION_OPTIONS,
    examples: [`keystead roles deactivate ${EXAMPLE}`],
    run: async (invocation) => {
      const client = await invocation.authenticated()
      return await presentRole(invocation, await client.post(`${pathOf(invocation)}/deactivate`, {}))
    },
  },
]

function pathOf(invocation: Invocation): string {
  return `/v1/roles/${identifier('rol', invocation.values.positional('role-id'))}`
}

async function presentRole(invocation: Invocation, role: JsonObject): Promise<ExitCode> {
  await invocation.present(role, () =>
    renderFields([
      ['role', asText(role['id'])],
      ['name', asText(role['name'])],
      ['state', asText(role['state'])],
      ['project', asText(role['projectId'])],
      ['permissions', asTexts(role['permissions']).join(' ')],
      ['description', asText(role['description']) || null],
      ['created', formatTime(role['createdAt'], invocation.world.now())],
      ['record version', asText(role['version'])],
    ]),
  )
  return EXIT.ok
}
