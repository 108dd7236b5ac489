import { CONNECTION_OPTIONS } from '../arguments.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../failure.ts'
import { asObjects, asText } from '../fields.ts'
import { renderFields } from '../table.ts'

/** A million keys and their log are read again in a few minutes. */
const CHECK_MS_MAX = 3_600_000

export const DOCTOR_COMMAND: Command = {
  path: ['doctor'],
  summary:
    'have the server read everything again and compare it with the log; exit code 1 when something is wrong',
  operations: ['integrity.check'],
  options: CONNECTION_OPTIONS,
  notes: [
    'The server goes on meanwhile. The credential needs integrity:check and is bound to no project.',
    'What an auditor can check without trusting the server is audit verify.',
  ],
  examples: ['keystead doctor', 'keystead doctor --json'],
  run: async (invocation) => {
    const client = await invocation.authenticated()
    await invocation.world.stderr.write('reading all rows and the whole log ...\n')
    const request = {
      method: 'POST',
      path: '/v1/integrity:check',
      body: {},
      timeoutMs: CHECK_MS_MAX,
    } as const
    const answer = await client.json(request)
    await invocation.present(answer, () => {
      const summary = renderFields([
        ['rows as committed', asText(answer['rows'])],
        ['leaves of the log', asText(answer['leaves'])],
        ['changes refused', asText(answer['halted']) || null],
        ['findings', String(asObjects(answer['findings']).length)],
      ])
      const findings = asObjects(answer['findings']).map((finding) =>
        renderFields([
          ['table', asText(finding['table'])],
          ['row', asText(finding['row'])],
          ['what', asText(finding['what'])],
          ['do', asText(finding['help'])],
        ]),
      )
      return [summary, ...findings].join('\n\n')
    })
    return answer['ok'] === true ? EXIT.ok : EXIT.refused
  },
}
