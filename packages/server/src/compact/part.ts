/** One part of what is kept in memory, as a snapshot file holds it. */
export interface Part {
  /** Lower-case words with hyphens; one part of a name in a file. */
  readonly name: string
  /** At most CHUNK_BYTES_MAX each; made when they are asked for, from what does not change meanwhile. */
  readonly chunks: Iterable<Uint8Array>
}

export type Parts = ReadonlyMap<string, readonly Uint8Array[]>

/** Lines of JSON in a chunk: small enough to be written and parsed between two verifications. */
const LINES_PER_CHUNK = 100

/** A part that is a list of values, one JSON text a line. */
export function jsonPart(name: string, values: readonly unknown[]): Part {
  return { name, chunks: jsonChunks(values) }
}

function* jsonChunks(values: readonly unknown[]): Iterable<Uint8Array> {
  for (let from = 0; from < values.length; from += LINES_PER_CHUNK) {
    const lines = values.slice(from, from + LINES_PER_CHUNK).map((value) => `${JSON.stringify(value)}\n`)
    yield Buffer.from(lines.join(''))
  }
}

/** The values of a part that jsonPart made; the caller knows their form, since the file's MAC was checked. */
export function jsonValues(parts: Parts, name: string): unknown[] {
  return (parts.get(name) ?? []).flatMap((chunk) => {
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString()
    return text === '' ? [] : (JSON.parse(`[${text.trimEnd().replaceAll('\n', ',')}]`) as unknown[])
  })
}
