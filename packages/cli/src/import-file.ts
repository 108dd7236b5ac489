import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { isObject, type JsonObject } from './client.ts'
import { systemCode, usageFailure } from './failure.ts'

/** Keys that are imported in one request. */
export interface Chunk {
  readonly items: readonly JsonObject[]
  /** The number of the line of each, from 1 on. */
  readonly lines: readonly number[]
}

/** A file of JSON Lines in chunks of at most `size` objects. Usage failure for a line that is none, and for no file. */
export async function* readChunks(path: string, size: number): AsyncGenerator<Chunk> {
  let items: JsonObject[] = []
  let lines: number[] = []
  let number = 0
  try {
    for await (const line of createInterface({ input: createReadStream(path, 'utf8') })) {
      number += 1
      if (line.trim() === '') continue
      items.push(parseLine(line, `${path} line ${number}`))
      lines.push(number)
      if (items.length < size) continue
      yield { items, lines }
      items = []
      lines = []
    }
  } catch (error) {
    const code = systemCode(error)
    if (code === null) throw error
    throw usageFailure(`${path} cannot be read (${code})`)
  }
  if (items.length > 0) yield { items, lines }
}

/** The line itself is not shown: it may hold what nobody should see. */
function parseLine(line: string, place: string): JsonObject {
  try {
    const value: unknown = JSON.parse(line)
    if (isObject(value)) return value
  } catch {
    // As below.
  }
  throw usageFailure(`${place} is no JSON object`)
}
