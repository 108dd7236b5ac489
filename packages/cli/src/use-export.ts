import { AuditEventError, parseAuditEvent } from '@keystead/protocol/audit-event'
import { readUseBatch, type UseBatch, usePath } from '@keystead/protocol/use-batch'
import { entriesPath, readEntries, TILE_WIDTH, tilesOfLevel } from '@keystead/protocol/tiles'
import { type Client, describeProblem } from './client.ts'
import { isPresent, writeWhole } from './export-folder.ts'
import { readExported } from './exported-file.ts'
import { refusal } from './failure.ts'

/**
 * Fetches the records of every batch of use that the exported entries name, as far as the server still keeps them and
 * they are not here yet. What the entries do not name is not fetched, so an export holds nothing that its checkpoint
 * does not cover.
 */
export async function fetchUses(
  client: Client,
  folder: string,
  size: number,
): Promise<{ readonly batches: number; readonly kept: number }> {
  let batches = 0
  let kept = 0
  for await (const batch of batchesIn(folder, size)) {
    batches += 1
    const path = usePath(batch)
    if (await isPresent(folder, path)) {
      kept += 1
      continue
    }
    const reply = await client.send({
      method: 'GET',
      path: `/v1/usage/records/${batch.boot}/${batch.batchNumber}`,
    })
    if (reply.status === 404) continue
    if (reply.status !== 200) throw refusal(describeProblem(reply))
    await writeWhole(folder, path, reply.body)
    kept += 1
  }
  return { batches, kept }
}

async function* batchesIn(folder: string, size: number): AsyncGenerator<UseBatch> {
  const { full, partialWidth } = tilesOfLevel(size, 0)
  const widths = [...Array<number>(full).fill(TILE_WIDTH), ...(partialWidth === 0 ? [] : [partialWidth])]
  for (const [index, width] of widths.entries()) {
    const bundle = await readExported(folder, entriesPath(index, width))
    for (const entry of bundle === null ? [] : readEntries(bundle, width).entries) {
      const batch = batchIn(entry)
      if (batch !== null) yield batch
    }
  }
}

/** An entry that is no event is for the verification to name. */
function batchIn(entry: Uint8Array): UseBatch | null {
  try {
    return readUseBatch(parseAuditEvent(entry))
  } catch (error) {
    if (error instanceof AuditEventError) return null
    throw error
  }
}
