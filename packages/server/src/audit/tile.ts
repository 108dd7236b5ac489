/** C2SP tlog-tiles: the log as static files, served from the stored tree. */
import { concatBytes } from '@keystead/protocol/bytes'
import { encodeEntries, parseTilePath, TILE_WIDTH } from '@keystead/protocol/tiles'
import { DomainError } from '../errors.ts'
import type { Reader } from '../storage/store.ts'

/** Height of a tile: level L of the tiles is level 8 L of the tree. */
const TILE_HEIGHT = 8

/**
 * The bytes of one tile by its path, e.g. `tile/0/000.p/5` or `tile/entries/000`. Tiles are immutable: whoever has one
 * need not ask again. `audit.tile_not_found` for a path that is no tile, or lies beyond the log.
 */
export async function readTile(reader: Reader, path: string): Promise<Uint8Array> {
  const tile = parseTilePath(path)
  if (tile === null) throw new DomainError('audit.tile_not_found')
  const from = tile.index * TILE_WIDTH
  if (tile.kind === 'entries') {
    const entries = await reader.auditEntries(from, tile.width)
    if (entries.length < tile.width) throw new DomainError('audit.tile_not_found')
    return encodeEntries(entries.map((entry) => entry.bytes))
  }
  const nodes = await reader.auditNodes(tile.level * TILE_HEIGHT, from, tile.width)
  if (nodes.length < tile.width) throw new DomainError('audit.tile_not_found')
  return concatBytes(...nodes)
}
