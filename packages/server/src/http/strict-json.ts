/** RFC 8259 as strictly as RFC 8785 inputs (I-JSON, RFC 7493): UTF-8, no duplicate names, no NUL, bounded depth. */
import { isUtf8 } from 'node:buffer'
import { DomainError } from '../errors.ts'

/** No request of ours is deeper than 4; the rest is room to name the real mistake. */
const JSON_DEPTH_MAX = 16

/**
 * Parses a body. `request.malformed`, with what is wrong, for bytes that are not UTF-8, text that is not JSON, a name
 * that occurs twice in one object (two readers would see two values), a NUL, half a surrogate pair, or more than 16
 * levels.
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  if (!isUtf8(bytes)) throw malformed('It is not valid UTF-8.')
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed('It is not JSON.')
  }
  checkStructure(text)
  return value
}

/** Walks text that is known to be JSON: only strings and brackets matter. A set of names per open object, null per array. */
function checkStructure(text: string): void {
  const open: (Set<string> | null)[] = []
  let expectsName = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (character === '{' || character === '[') {
      expectsName = character === '{'
      open.push(expectsName ? new Set() : null)
      if (open.length > JSON_DEPTH_MAX) throw malformed(`It is more than ${JSON_DEPTH_MAX} levels deep.`)
    } else if (character === '}' || character === ']') {
      open.pop()
      expectsName = false
    } else if (character === ',') {
      expectsName = open.at(-1) instanceof Set
    } else if (character === '"') {
      const end = endOfString(text, i)
      checkString(text.slice(i, end + 1), expectsName ? (open.at(-1) ?? null) : null)
      expectsName = false
      i = end
    }
  }
}

function endOfString(text: string, start: number): number {
  let end = start + 1
  while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1
  return end
}

function checkString(literal: string, names: Set<string> | null): void {
  const escaped = literal.includes('\\')
  const text = escaped ? String(JSON.parse(literal)) : literal.slice(1, -1)
  if (escaped && text.includes('\0')) throw malformed('It holds a NUL character.')
  // SQLite stores UTF-8, which cannot write it: what comes back would not match its MAC.
  if (escaped && !text.isWellFormed()) throw malformed('It holds half a surrogate pair.')
  if (names === null) return
  if (names.has(text)) throw malformed('A name occurs twice in one object.')
  names.add(text)
}

function malformed(detail: string): DomainError {
  return new DomainError('request.malformed', detail)
}
