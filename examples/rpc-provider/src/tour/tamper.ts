import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringAt } from '../json.ts'

/** What was changed in a copy of the log. */
export type Tampering = {
  readonly eventId: string
  readonly action: string
  readonly from: string
  readonly to: string
}

const TILE_WIDTH = 256

/**
 * Changes one byte in the entry at `position` of an exported log (C2SP tlog-tiles: bundles of 256 entries, each behind
 * its length as uint16, big-endian): the minute at which the event happened. The entry stays well-formed JSON. Throws when
 * the bundle has no such entry.
 */
export async function tamper(folder: string, position: number): Promise<Tampering> {
  const path = await bundlePath(folder, Math.floor(position / TILE_WIDTH))
  const bundle = await readFile(path)
  let start = 0
  for (let index = 0; index < position % TILE_WIDTH; index += 1) start += 2 + bundle.readUInt16BE(start)
  const entry = bundle.subarray(start + 2, start + 2 + bundle.readUInt16BE(start))
  const event: unknown = JSON.parse(entry.toString('utf8'))
  const from = stringAt(event, 'at')
  // 2026-11-22T04:12:33.123Z: the second digit of the minute is character 15.
  const minute = entry.indexOf(`"at":"${from}"`) + '"at":"'.length + 15
  entry[minute] = entry[minute] === 0x30 ? 0x39 : (entry[minute] ?? 0) - 1
  const to = stringAt(JSON.parse(entry.toString('utf8')), 'at')
  assert.notEqual(to, from)
  await writeFile(path, bundle)
  return { eventId: stringAt(event, 'id'), action: stringAt(event, 'action'), from, to }
}

/** A bundle is `NNN` when full and `NNN.p/<width>` when not; the tour's log is smaller than 256,000 events. */
async function bundlePath(folder: string, index: number): Promise<string> {
  const name = String(index).padStart(3, '0')
  const entries = join(folder, 'tile', 'entries')
  const present = await readdir(entries)
  if (present.includes(name)) return join(entries, name)
  const widths = await readdir(join(entries, `${name}.p`))
  const widest = widths.toSorted((left, right) => Number(right) - Number(left))[0]
  assert.ok(widest !== undefined, 'the export has a bundle with the entry')
  return join(entries, `${name}.p`, widest)
}
