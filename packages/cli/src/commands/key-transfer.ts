import { open } from 'node:fs/promises'
import { CONNECTION_OPTIONS, PROJECT_OPTION, ENVIRONMENT_OPTION } from '../arguments.ts'
import type { Client } from '../client.ts'
import type { Command, Invocation } from '../command.ts'
import { CliFailure, EXIT, type ExitCode, systemCode, usageFailure } from '../failure.ts'
import { asObjects, asText, given } from '../fields.ts'
import { type Chunk, readChunks } from '../import-file.ts'
import { renderFields } from '../table.ts'
import { identifier } from '../values.ts'
import type { World } from '../world.ts'

/** A request of so many keys takes the server about 60 ms, in which it verifies nothing else; more are no faster. */
const KEYS_PER_REQUEST = 500
/** One is on its way while another is being committed. */
const REQUESTS_AT_ONCE = 2
const PAGE_ROWS = 200
const PROGRESS_MS = 1_000

export const KEY_TRANSFER_COMMANDS: readonly Command[] = [
  {
    path: ['keys', 'import'],
    summary: 'take over keys of another system by their hashes; customers keep their keys',
    operations: ['keys.import'],
    options: {
      source: {
        type: 'text',
        placeholder: 'SOURCE',
        help: 'ims_..., how the other system kept them',
        required: true,
      },
      file: {
        type: 'text',
        placeholder: 'FILE',
        help: 'JSON Lines: one key a line',
        required: true,
      },
      'create-owners': { type: 'flag', help: 'make owners that are not there yet' },
      ...CONNECTION_OPTIONS,
    },
    notes: [
      'A line: {"hash": "...", "ownerExternalId": "acme", "permissions": ["market:read"]}; also lookup, name, roles,',
      'allowedAddresses, notBefore, expiresAt and createdAt (epoch milliseconds).',
      'What has been imported before is passed over, so a broken import is simply run again.',
    ],
    examples: [
      'keystead keys import --source ims_01k3f8c2x5w9m7q4t6v0b1n2p3 --file ./keys.jsonl --create-owners',
    ],
    run: importKeys,
  },
  {
    path: ['keys', 'export'],
    summary: 'write the keys of an environment to a file, for another system',
    operations: ['keys.export'],
    options: {
      environment: ENVIRONMENT_OPTION,
      to: { type: 'text', placeholder: 'FILE', help: 'new file (mode 0600), JSON Lines', required: true },
      'with-hashes': { type: 'flag', help: 'with what proves each version of a key' },
      project: PROJECT_OPTION,
      ...CONNECTION_OPTIONS,
    },
    notes: [
      'Every page of 200 keys is an entry in the audit log. No secret is in the file, since the server has none.',
      'docs/operate/import.md says what each hash is of.',
    ],
    examples: ['keystead keys export --environment production --with-hashes --to ./keys.jsonl'],
    run: exportKeys,
  },
]

async function importKeys(invocation: Invocation): Promise<ExitCode> {
  const { values, world } = invocation
  const sourceId = identifier('ims', values.required('source'))
  const path = values.required('file')
  const createOwners = values.flag('create-owners')
  const client = await invocation.authenticated()
  const counts = { imported: 0, exists: 0 }
  const progress = new Progress(world, () => `${counts.imported} imported, ${counts.exists} known`)
  const running = new Set<Promise<void>>()
  const failures: unknown[] = []
  const post = async (chunk: Chunk): Promise<void> => {
    const items = await importChunk(client, { sourceId, createOwners, items: chunk.items }, chunk, path)
    for (const { status } of items) counts[status === 'exists' ? 'exists' : 'imported'] += 1
    await progress.show()
  }
  try {
    for await (const chunk of readChunks(path, KEYS_PER_REQUEST)) {
      const request = post(chunk)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => running.delete(request))
      running.add(request)
      if (running.size >= REQUESTS_AT_ONCE) await Promise.race(running)
      if (failures.length > 0) break
    }
  } catch (error) {
    failures.push(error)
  }
  await Promise.all(running)
  await progress.end()
  if (failures.length > 0) {
    await world.stderr.write(`${counts.imported} were imported before; run it again when it is mended\n`)
    throw failures[0]
  }
  await invocation.present(counts, () =>
    renderFields([
      ['imported', String(counts.imported)],
      ['known before', String(counts.exists)],
    ]),
  )
  return EXIT.ok
}

/** What becomes of each line; a refusal names lines instead of places in the request. */
async function importChunk(
  client: Client,
  body: Readonly<Record<string, unknown>>,
  { lines }: Chunk,
  path: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  try {
    return asObjects((await client.post('/v1/keys:import', body))['items'])
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error
    const message = error.message.replaceAll(
      /\/body\/items\/(\d+)\/?/g,
      (_whole, i: string) => `${path} line ${lines[Number(i)] ?? '?'} `,
    )
    throw new CliFailure(error.exitCode, message, { cause: error })
  }
}

async function exportKeys(invocation: Invocation): Promise<ExitCode> {
  const { values, world } = invocation
  const path = values.required('to')
  const client = await invocation.authenticated()
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    const code = systemCode(error)
    throw usageFailure(
      `cannot make ${path}: ${code === 'EEXIST' ? 'it exists, and is not overwritten' : (code ?? 'unknown error')}`,
    )
  })
  let count = 0
  const progress = new Progress(world, () => `${count} exported`)
  try {
    let cursor: string | undefined
    do {
      const page = await client.post(
        '/v1/keys:export',
        given({
          projectId: values.text('project'),
          environment: values.required('environment'),
          ...{ withHashes: values.flag('with-hashes'), limit: PAGE_ROWS, cursor },
        }),
      )
      const items = asObjects(page['items'])
      await file.writeFile(items.map((item) => `${JSON.stringify(item)}\n`).join(''))
      count += items.length
      cursor = asText(page['nextCursor']) || undefined
      await progress.show()
    } while (cursor !== undefined)
    await file.sync()
  } finally {
    await file.close()
    await progress.end()
  }
  await invocation.present({ exported: count, file: path }, () => `${count} keys are in ${path}`)
  return EXIT.ok
}

/** A line on a terminal that says how far long work has come. */
class Progress {
  readonly #world: World
  readonly #text: () => string
  #shownAt = 0

  constructor(world: World, text: () => string) {
    this.#world = world
    this.#text = text
  }

  async show(): Promise<void> {
    const now = this.#world.now()
    if (!this.#world.stderr.isTerminal || now - this.#shownAt < PROGRESS_MS) return
    this.#shownAt = now
    await this.#world.stderr.write(`\r${this.#text()} `)
  }

  async end(): Promise<void> {
    if (this.#shownAt > 0) await this.#world.stderr.write('\n')
  }
}
