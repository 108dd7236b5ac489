import { isDeepStrictEqual } from 'node:util'
import { formatStateLine, type StateLine } from '@keystead/protocol/audit-state'
import { type Client, isObject, type JsonObject } from './client.ts'
import { refusal } from './failure.ts'
import { asText } from './fields.ts'

/** The first page says of which size of the log the state is, and brings the checkpoint of that size. */
export interface StateExport {
  readonly checkpoint: string
  /** The lines of all pages; each page is asked for when the one before has been taken. */
  readonly lines: AsyncIterable<string>
}

/** Begins an export of the state. */
export async function beginStateExport(client: Client): Promise<StateExport> {
  const first = await client.get('/v1/audit/state', {})
  const checkpoint = asText(first['checkpoint'])
  return { checkpoint, lines: linesFrom(client, first, checkpoint) }
}

async function* linesFrom(client: Client, first: JsonObject, checkpoint: string): AsyncGenerator<string> {
  for (let page = first; ;) {
    // Pages of two moments would make a state that never was.
    if (asText(page['checkpoint']) !== checkpoint)
      throw refusal('the server changed the state while it was exported')
    const items: readonly unknown[] = Array.isArray(page['items']) ? page['items'] : []
    yield items.map((item) => `${lineOf(item)}\n`).join('')
    const cursor = page['nextCursor']
    if (typeof cursor !== 'string') return
    page = await client.get('/v1/audit/state', { cursor })
  }
}

/** What the verifier reads is what the server said: a line is written as it came, or not at all. */
function lineOf(item: unknown): string {
  if (!isObject(item)) throw refusal('the server sent something that is no line of a state')
  const text = formatStateLine(item as StateLine)
  if (!isDeepStrictEqual(JSON.parse(text), item))
    throw refusal('the server sent something that is no line of a state')
  return text
}
