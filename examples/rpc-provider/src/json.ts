/** A JSON object whose members have not been checked yet. */
export type JsonObject = Readonly<Record<string, unknown>>

/** True for a JSON object, false for null, arrays and everything else. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Parses UTF-8 JSON. Returns undefined instead of throwing when the text is not JSON or not UTF-8. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

/** The member at `path`, or undefined where the path leaves the objects of `value`. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value
  for (const name of path) {
    if (!isObject(current) || !Object.hasOwn(current, name)) return undefined
    current = current[name]
  }
  return current
}

/** The string at `path`. Throws an error that names the path where there is none. */
export function stringAt(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path)
  if (typeof found !== 'string') throw new Error(`expected a string at ${path.join('.')}`)
  return found
}

/** The finite number at `path`. Throws an error that names the path where there is none. */
export function numberAt(value: unknown, ...path: readonly string[]): number {
  const found = at(value, ...path)
  if (typeof found !== 'number' || !Number.isFinite(found)) {
    throw new Error(`expected a number at ${path.join('.')}`)
  }
  return found
}
