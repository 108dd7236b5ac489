// C2SP tlog-tiles
import { concatBytes } from './bytes.ts'

/** Hashes (or entries) in a full tile. */
export const TILE_WIDTH = 256

/** The longest entry that the uint16 length prefix of a bundle can say. */
export const ENTRY_BYTES_MAX = 65_535

/** One tile of the tree: `width` hashes of tree level 8 * level, from index * 256 on. */
export type TilePosition = { readonly level: number; readonly index: number; readonly width: number }

/** What a path below the log's address names: a tile of hashes, or a bundle of entries. */
export type TilePath =
  | ({ readonly kind: 'hashes' } & TilePosition)
  | { readonly kind: 'entries'; readonly index: number; readonly width: number }

/** A bundle of entries that is not exactly what it should be; `message` is one plain sentence. */
export class TileError extends Error {
  override readonly name = 'TileError'
}

// C2SP: levels go to 63; a tree of 2^53 leaves has seven.
const LEVEL_MAX = 6
const PATH_LENGTH_MAX = 64

/** `tile/<level>/<index>[.p/<width>]`. */
export function tilePath({ level, index, width }: TilePosition): string {
  return `tile/${level}/${indexPath(index, width)}`
}

/** `tile/entries/<index>[.p/<width>]`. */
export function entriesPath(index: number, width: number): string {
  return `tile/entries/${indexPath(index, width)}`
}

/** Reads what tilePath and entriesPath write; null for every other text. */
export function parseTilePath(path: string): TilePath | null {
  if (path.length > PATH_LENGTH_MAX) return null
  const match = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/)*)([0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/.exec(
    path,
  )
  if (match === null) return null
  const [, place, high = '', low = '', partial] = match
  const index = Number(high.replaceAll(/[x/]/g, '') + low)
  const width = partial === undefined ? TILE_WIDTH : Number(partial)
  if (!Number.isSafeInteger(index) || (partial !== undefined && width >= TILE_WIDTH)) return null
  const parsed: TilePath =
    place === 'entries'
      ? { kind: 'entries', index, width }
      : { kind: 'hashes', level: Number(place), index, width }
  if (parsed.kind === 'hashes' && parsed.level > LEVEL_MAX) return null
  // One place, one name: leading zeros in the level or needless x000 groups are not names.
  const canonical = parsed.kind === 'entries' ? entriesPath(index, width) : tilePath(parsed)
  return canonical === path ? parsed : null
}

/** How many tiles of hashes a level has in a tree of `size` leaves, and how wide the last, partial one is (or 0). */
export function tilesOfLevel(
  size: number,
  level: number,
): { readonly full: number; readonly partialWidth: number } {
  const hashes = Math.floor(size / TILE_WIDTH ** level)
  return { full: Math.floor(hashes / TILE_WIDTH), partialWidth: hashes % TILE_WIDTH }
}

/** Every tile of hashes of a tree of `size` leaves, level by level; the bundles of entries are where level 0 is. */
export function* tilesForSize(size: number): Generator<TilePosition> {
  for (let level = 0; level <= LEVEL_MAX; level++) {
    const { full, partialWidth } = tilesOfLevel(size, level)
    for (let index = 0; index < full; index++) yield { level, index, width: TILE_WIDTH }
    if (partialWidth > 0) yield { level, index: full, width: partialWidth }
    if (full + partialWidth === 0) return
  }
}

/** A bundle: each entry after its length as two bytes, big-endian. Throws TileError for an entry that is too long. */
export function encodeEntries(entries: readonly Uint8Array[]): Uint8Array {
  return concatBytes(
    ...entries.flatMap((entry) => {
      if (entry.length > ENTRY_BYTES_MAX) throw new TileError(`an entry has at most ${ENTRY_BYTES_MAX} bytes`)
      return [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry]
    }),
  )
}

/** The `width` entries of a bundle, as views of `bytes`. Throws TileError for fewer, for more, for anything left over. */
export function decodeEntries(bytes: Uint8Array, width: number): Uint8Array[] {
  const { entries, problem } = readEntries(bytes, width)
  if (problem !== null) throw new TileError(problem)
  return entries
}

/** As decodeEntries, but returns what can be read before the first problem, for whoever has to name the damage. */
export function readEntries(
  bytes: Uint8Array,
  width: number,
): { readonly entries: Uint8Array[]; readonly problem: string | null } {
  const entries: Uint8Array[] = []
  let at = 0
  while (entries.length < width) {
    const high = bytes[at]
    const low = bytes[at + 1]
    if (high === undefined || low === undefined) {
      return { entries, problem: `ends after ${entries.length} of ${width} entries` }
    }
    const end = at + 2 + high * 256 + low
    if (end > bytes.length) return { entries, problem: `is cut off in entry ${entries.length} of ${width}` }
    entries.push(bytes.subarray(at + 2, end))
    at = end
  }
  const left = bytes.length - at
  return { entries, problem: left === 0 ? null : `has ${left} bytes after its last entry` }
}

function indexPath(index: number, width: number): string {
  const groups: string[] = []
  for (let rest = index; groups.length === 0 || rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`${groups.length === 0 ? '' : 'x'}${String(rest % 1000).padStart(3, '0')}`)
  }
  return groups.join('/') + (width < TILE_WIDTH ? `.p/${width}` : '')
}
