import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { batchPath, hasBatch } from '@keystead/protocol/audit-batches'
import { parseAuditEvent } from '@keystead/protocol/audit-event'
import { decodeEntries, entriesPath, TILE_WIDTH } from '@keystead/protocol/tiles'
import type { Client } from './client.ts'
import { isPresent, writeWhole } from './export-folder.ts'

/**
 * Fetches the batches that the exported entries of a log of `size` leaves name, those that are not there yet; returns
 * how many it fetched. What a batch holds is for the verifier to compare with its leaf.
 */
export async function fetchBatches(client: Client, folder: string, size: number): Promise<number> {
  let fetched = 0
  for (let start = 0; start < size; start += TILE_WIDTH) {
    const width = Math.min(TILE_WIDTH, size - start)
    const bundle = await readFile(join(folder, entriesPath(start / TILE_WIDTH, width)))
    for (const [i, leaf] of decodeEntries(new Uint8Array(bundle), width).entries()) {
      const path = batchPath(start + i)
      if (!hasBatch(parseAuditEvent(leaf)) || (await isPresent(folder, path))) continue
      const reply = await client.accepted({ method: 'GET', path: `/v1/audit/batches/${start + i}` })
      await writeWhole(folder, path, reply.body)
      fetched += 1
    }
  }
  return fetched
}
