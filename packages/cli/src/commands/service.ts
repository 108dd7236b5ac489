import { readFile } from 'node:fs/promises'
import { CONNECTION_OPTIONS } from '../arguments.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../failure.ts'
import { toJson } from '../json.ts'
import { printable, printableLines } from '../table.ts'

const { url: URL_OPTION } = CONNECTION_OPTIONS

export const SERVICE_COMMANDS: readonly Command[] = [
  {
    path: ['health'],
    summary: 'ask whether the server lives and is ready; exit code 1 when it is not ready',
    operations: ['livez', 'readyz'],
    options: URL_OPTION === undefined ? {} : { url: URL_OPTION },
    examples: ['keystead health', 'keystead health --url https://keys.example.com'],
    run: async (invocation) => {
      const client = invocation.anonymous()
      const live = await client.send({ method: 'GET', path: '/livez' })
      const ready = await client.send({ method: 'GET', path: '/readyz' })
      const answer = { url: client.url.origin, live: live.status === 200, ready: ready.status === 200 }
      const word = (name: string, ok: boolean, status: number) =>
        ok ? name : `not ${name} (status ${status})`
      await invocation.present(answer, () =>
        [answer.url, word('live', answer.live, live.status), word('ready', answer.ready, ready.status)].join(
          '  ',
        ),
      )
      return answer.live && answer.ready ? EXIT.ok : EXIT.refused
    },
  },
  {
    path: ['metrics'],
    summary: 'print the counts and states of a server process, in the text format of Prometheus',
    operations: ['metrics.get'],
    options: CONNECTION_OPTIONS,
    notes: ['The credential needs metrics:read and is bound to no project.'],
    examples: ['keystead metrics', 'keystead metrics | grep verifications'],
    run: async (invocation) => {
      const client = await invocation.authenticated()
      const { body } = await client.accepted({ method: 'GET', path: '/metrics' })
      const text = new TextDecoder().decode(body)
      await invocation.present({ text }, () => printableLines(text.trimEnd()))
      return EXIT.ok
    },
  },
  {
    path: ['openapi'],
    summary: "print the server's OpenAPI document",
    operations: ['openapi'],
    options: URL_OPTION === undefined ? {} : { url: URL_OPTION },
    examples: ['keystead openapi > openapi.json'],
    run: async (invocation) => {
      const document = await invocation.anonymous().get('/openapi.json')
      await invocation.present(document, () => toJson(document))
      return EXIT.ok
    },
  },
  {
    path: ['version'],
    summary: 'print the version of this program',
    operations: [],
    options: {},
    examples: ['keystead version'],
    run: async (invocation) => {
      const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
      const version = /"version": "([^"]+)"/.exec(text)?.[1] ?? 'unknown'
      await invocation.present({ version }, () => printable(`keystead ${version}`))
      return EXIT.ok
    },
  },
]
