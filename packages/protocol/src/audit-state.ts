import { BYTES_32 } from './audit-event.ts'
import type { LoggedObject } from './audit-leaves.ts'
import type { CheckResult } from './audit-report.ts'
import { base64UrlDecode, base64UrlEncode, concatBytes, utf8Decode, utf8Encode } from './bytes.ts'
import { canonicalJson, parseCanonicalJson } from './canonical-json.ts'
import type { Sha256 } from './hash.ts'
import { isKeyState, type KeyState, TARGET_TYPES, type TargetType } from './lifecycle.ts'

/** One stored object as it is exported: what the log has committed to, and what opens the commitment. */
export type StateLine = {
  readonly type: TargetType
  readonly id: string
  readonly version: number
  readonly state: KeyState
  /** 32 bytes, base64url. */
  readonly salt: string
  /** The row: JSON of the table's name and, by name, every column that is not null (storage/rows.ts of the server). */
  readonly text: string
}

/** Where an export keeps the state. */
export const STATE_PATH = 'state.jsonl'
/** Above any row: the longest hold a few dozen names, permissions or digests. */
export const STATE_LINE_BYTES_MAX = 1024 * 1024

const COMMITMENT_DOMAIN = utf8Encode('keystead/commitment/v1\0')
const NEWLINE = 0x0a

/** What a leaf says of a row without showing it: SHA-256(domain || salt || text), 32 bytes, base64url. */
export function commitmentOf(sha256: Sha256, salt: Uint8Array, text: string): string {
  return base64UrlEncode(sha256(COMMITMENT_DOMAIN, salt, utf8Encode(text)))
}

/** The line of an object, without a newline. */
export function formatStateLine({ type, id, version, state, salt, text }: StateLine): string {
  return canonicalJson({ type, id, version, state, salt, text })
}

/**
 * Compares the exported state with what the log leads to: the same objects in the same versions and states, and each
 * row exactly what the last leaf about it committed to (T-34). `objects` is fold(log), null when the log could not be
 * read to its end. An export without a state is not wrong.
 */
export async function checkState(
  check: CheckResult,
  input: {
    readonly readPieces: (path: string) => Promise<AsyncIterable<Uint8Array> | null>
    readonly sha256: Sha256
  },
  objects: ReadonlyMap<string, LoggedObject> | null,
): Promise<void> {
  const pieces = await input.readPieces(STATE_PATH)
  if (pieces === null) return check.finish('no state was exported')
  if (objects === null) return check.abandon('the log could not be read to its end')
  const seen = new Set<string>()
  let number = 0
  for await (const line of linesOf(pieces)) {
    number += 1
    const wrong = wrongWith(line, objects, seen, input.sha256)
    if (wrong !== null) check.problem(null, `${STATE_PATH} line ${number}: ${wrong}`)
  }
  for (const [name, { version, state }] of objects) {
    if (!seen.has(name)) check.problem(null, `${name} is missing: the log has version ${version}, ${state}`)
  }
  check.finish(`${seen.size} objects are what the log leads to`)
}

/** What is wrong with a line, or null; a line that names an object is taken as that object's. */
function wrongWith(
  line: Uint8Array | null,
  objects: ReadonlyMap<string, LoggedObject>,
  seen: Set<string>,
  sha256: Sha256,
): string | null {
  const read = line === null ? null : readLine(line)
  if (read === null) return 'is no line of a state'
  const name = `${read.type} ${read.id}`
  const logged = objects.get(name)
  if (logged === undefined) return `${name} was never logged`
  if (seen.has(name)) return `${name} is there twice`
  seen.add(name)
  if (read.version !== logged.version)
    return `${name} has version ${read.version}, the log says ${logged.version}`
  if (read.state !== logged.state) return `${name} is ${read.state}, the log says ${logged.state}`
  const salt = base64UrlDecode(read.salt) ?? concatBytes()
  if (commitmentOf(sha256, salt, read.text) !== logged.commitment)
    return `${name} is not the one that was logged`
  if (!describes(read)) return `${name} holds a row that says otherwise`
  return null
}

/** The line's members; null when it is not in canonical form or has other members. */
function readLine(line: Uint8Array): StateLine | null {
  const source = utf8Decode(line)
  if (source === null) return null
  let value: unknown
  try {
    value = parseCanonicalJson(source)
  } catch {
    return null
  }
  if (!isRecord(value) || Object.keys(value).length !== 6) return null
  const { type, id, version, state, salt, text } = value
  const known = TARGET_TYPES.find((name) => name === type)
  if (known === undefined || typeof id !== 'string' || typeof text !== 'string') return null
  if (typeof version !== 'number' || !isKeyState(state)) return null
  if (typeof salt !== 'string' || !BYTES_32.test(salt)) return null
  return { type: known, id, version, state, salt, text }
}

/** Whether the row itself is of the type, id, version and state that its line and the log give it. */
function describes({ type, id, version, state, text }: StateLine): boolean {
  let row: unknown
  try {
    row = JSON.parse(text)
  } catch {
    return false
  }
  if (!Array.isArray(row) || row.length !== 2) return false
  const parts: readonly unknown[] = row
  const [table, columns] = parts
  if (!isRecord(columns)) return false
  const isRoot = columns['kind'] === 'root'
  const said = table === 'api_key' && isRoot ? 'root_key' : table
  // What has no state of its own is active for as long as it is there.
  const own = columns['state'] ?? 'active'
  return said === type && columns['id'] === id && columns['version'] === version && own === state
}

/** The lines of a file; null for one that is too long or does not end, after which nothing more is read. */
async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array | null, void> {
  let rest: Uint8Array = new Uint8Array()
  for await (const piece of pieces) {
    let from = 0
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, from)) {
      const line = concatBytes(rest, piece.subarray(from, end))
      const isLine = line.length <= STATE_LINE_BYTES_MAX
      yield isLine ? line : null
      if (!isLine) return
      rest = new Uint8Array()
      from = end + 1
    }
    rest = concatBytes(rest, piece.subarray(from))
    if (rest.length > STATE_LINE_BYTES_MAX) break
  }
  if (rest.length > 0) yield null
}

function isRecord(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
