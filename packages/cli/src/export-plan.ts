import { entriesPath, TILE_WIDTH, tilePath, tilesForSize } from '@keystead/protocol/tiles'

export interface PlannedTile {
  /** Below the log's address and below the export's folder alike. */
  readonly path: string
  /** A full tile never changes, so one that is present is kept; a partial one is always fetched. */
  readonly full: boolean
}

/** Every file under `tile/` of an export of `size` leaves: tiles of hashes and the bundles of entries. */
export function planExport(size: number): readonly PlannedTile[] {
  return [...tilesForSize(size)].flatMap((tile) => {
    const full = tile.width === TILE_WIDTH
    const hashes = { path: tilePath(tile), full }
    return tile.level === 0 ? [hashes, { path: entriesPath(tile.index, tile.width), full }] : [hashes]
  })
}
