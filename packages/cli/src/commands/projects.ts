import { CONNECTION_OPTIONS, PAGE_OPTIONS } from '../arguments.ts'
import type { JsonObject } from '../client.ts'
import type { Command, Invocation } from '../command.ts'
import { EXIT } from '../failure.ts'
import { asObjects, asText } from '../fields.ts'
import { presentList } from '../pages.ts'
import { renderFields } from '../table.ts'
import { formatTime } from '../time.ts'
import { identifier } from '../values.ts'

export const PROJECT_COMMANDS: readonly Command[] = [
  {
    path: ['projects', 'create'],
    summary: 'make a project with its environments',
    operations: ['projects.create'],
    options: { name: { type: 'text', help: 'name of the project', required: true }, ...CONNECTION_OPTIONS },
    examples: ["keystead projects create --name 'Market data'"],
    run: async (invocation) => {
      const client = await invocation.authenticated()
      const project = await client.post('/v1/projects', { name: invocation.values.required('name') })
      return await presentProject(invocation, project)
    },
  },
  {
    path: ['projects', 'list'],
    summary: 'list projects',
    operations: ['projects.list'],
    options: { ...PAGE_OPTIONS, ...CONNECTION_OPTIONS },
    examples: ['keystead projects list', 'keystead projects list --json'],
    run: async (invocation) => {
      const now = invocation.world.now()
      await presentList(invocation, {
        path: '/v1/projects',
        filters: {},
        columns: [
          { title: 'PROJECT', cell: (project) => asText(project['id']) },
          { title: 'NAME', cell: (project) => asText(project['name']), shrink: true },
          { title: 'CREATED', cell: (project) => formatTime(project['createdAt'], now), optional: true },
        ],
      })
      return EXIT.ok
    },
  },
  {
    path: ['projects', 'get'],
    summary: 'show one project and its environments',
    operations: ['projects.get'],
    positionals: [{ name: 'project-id', help: 'prj_...' }],
    options: CONNECTION_OPTIONS,
    examples: ['keystead projects get prj_01k3f8c2x5w9m7q4t6v0b1n2p3'],
    run: async (invocation) => {
      const id = identifier('prj', invocation.values.positional('project-id'))
      const client = await invocation.authenticated()
      return await presentProject(invocation, await client.get(`/v1/projects/${id}`))
    },
  },
]

async function presentProject(invocation: Invocation, project: JsonObject) {
  await invocation.present(project, () =>
    renderFields([
      ['project', asText(project['id'])],
      ['name', asText(project['name'])],
      ['created', formatTime(project['createdAt'], invocation.world.now())],
      ...asObjects(project['environments']).map(
        (entry) => [asText(entry['environment']), asText(entry['id'])] as const,
      ),
      ['record version', asText(project['version'])],
    ]),
  )
  return EXIT.ok
}
