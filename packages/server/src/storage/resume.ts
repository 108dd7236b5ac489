import { base64Decode, base64Encode, equalBytes } from '@keystead/protocol/bytes'
import { Frontier, readFrontier } from '@keystead/protocol/merkle'
import { jsonPart, jsonValues, type Parts } from '../compact/part.ts'
import type { Kysely } from 'kysely'
import { sha256 } from '../hash.ts'
import { type Head, readHead } from './head.ts'
import { LogFold } from './log-fold.ts'
import { readNode } from './reader.ts'
import type { Integrity, Resume, Store } from './store.ts'
import type { Tables } from './tables.ts'
import { VERSION_LAYOUT, VersionTable } from './version-table.ts'

const PART = 'log'

/** Where in the log a capture was made. */
interface Place {
  readonly layout: string
  readonly size: number
  /** base64, in the order of Frontier.peaks. */
  readonly peaks: readonly string[]
  readonly rows: number
}

/** The tree's right edge and the version of every row, which must belong together. */
export function captureLog(
  frontier: Frontier,
  versions: VersionTable,
): NonNullable<ReturnType<Store['capture']>> {
  const { part, count, release } = versions.capture()
  const place: Place = {
    layout: VERSION_LAYOUT,
    size: frontier.size,
    peaks: frontier.peaks.map((peak) => base64Encode(peak)),
    rows: count,
  }
  return { parts: [jsonPart(PART, [place]), part], release }
}

/**
 * What was captured, to go on from; null, having said why, when the log is not one that goes on from there: a database
 * that was put back is behind it or has another root. An old capture is as good as a new one: what came after it is read
 * from the log (T-25).
 */
export async function resumedFold(
  resume: Resume | null,
  db: Kysely<Tables>,
  { isOurs, headMac }: Integrity,
): Promise<LogFold | null> {
  if (resume === null) return null
  const place = placeIn(resume.parts)
  const why =
    typeof place === 'string' ? place : await whyNot(place.frontier, db, await readHead(db, headMac))
  resume.decided(why)
  if (typeof place === 'string' || why !== null) return null
  return new LogFold(isOurs, place.frontier, VersionTable.restore(resume.parts, place.rows))
}

function placeIn(parts: Parts): { readonly frontier: Frontier; readonly rows: number } | string {
  const [place] = jsonValues(parts, PART) as Place[]
  if (place?.layout !== VERSION_LAYOUT) return 'it was written by another version of Keystead'
  const peaks = place.peaks.map((text) => base64Decode(text) ?? new Uint8Array())
  return { frontier: new Frontier(sha256, place.size, peaks), rows: place.rows }
}

async function whyNot(frontier: Frontier, db: Kysely<Tables>, head: Head | null): Promise<string | null> {
  const { size } = frontier
  if (size > (head?.size ?? 0)) return `it is at size ${size}, the log at ${head?.size ?? 0}`
  // The nodes are no proof, but the root that the tail leads to is compared with the sealed head.
  const stored = await readFrontier(sha256, size, async (level, index) => readNode(db, level, index))
  if (stored !== null && equalBytes(stored.root(), frontier.root())) return null
  return `the log has another root at size ${size}`
}
