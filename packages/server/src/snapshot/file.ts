import { createHash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync, renameSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { equalInConstantTime } from '@keystead/protocol/constant-time'
import type { Part, Parts } from '../compact/part.ts'
import { isFileFailure } from '../file-failure.ts'
import { syncFolder } from '../write-file.ts'

/** One frame of the file: a page is half of one, a hundred owners with all the metadata they may have about three. */
const CHUNK_BYTES_MAX = 8 * 1_048_576
const MAGIC = 'keystead snapshot 1\n'
const LAYOUT = 'layout'
const END = 'end'
const MAC_LENGTH = 43

/** HMAC over the file's digest (32 bytes), base64url: only this installation can have made it (T-25). */
export type SnapshotMac = (digest: Uint8Array) => string

/** A snapshot, or why there is none that can be used, in half a sentence. */
export type ReadSnapshot = { readonly parts: Parts } | { readonly why: string }

/**
 * Writes parts to a file of its own and puts that in the place of the last one: after a crash there is the old file or
 * the new. Chunk by chunk, so that other work goes on; the parts must not change meanwhile. Rejects when the disk refuses.
 */
export async function writeSnapshot(
  path: string,
  layout: string,
  parts: readonly Part[],
  mac: SnapshotMac,
): Promise<void> {
  const temporary = `${path}.new`
  const digest = createHash('sha256')
  const file = await open(temporary, 'w', 0o600)
  try {
    const put = async (...pieces: readonly Uint8Array[]): Promise<void> => {
      for (const piece of pieces) digest.update(piece)
      const { bytesWritten } = await file.writev([...pieces])
      if (bytesWritten !== pieces.reduce((sum, { length }) => sum + length, 0))
        throw new Error('the disk took a part of a snapshot only')
    }
    await put(Buffer.from(MAGIC))
    await put(...frame(LAYOUT, Buffer.from(layout)))
    for (const { name, chunks } of parts) for (const chunk of chunks) await put(...frame(name, chunk))
    await put(...frame(END, Buffer.from(mac(digest.copy().digest()))))
    await file.sync()
  } finally {
    await file.close()
  }
  renameSync(temporary, path)
  syncFolder(path)
}

/**
 * Reads a file that writeSnapshot made. What is in it is looked at only when its MAC holds; that says that this
 * installation wrote it some time. NOT checked: how old it is, and whether it belongs to the database (T-25).
 */
export function readSnapshot(path: string, layout: string, mac: SnapshotMac): ReadSnapshot {
  try {
    const file = openSync(path, 'r')
    try {
      return new Reading(file).all(layout, mac)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (error instanceof BadFile) return { why: error.message }
    if (isFileFailure(error) && error.code === 'ENOENT') return { why: 'there is none' }
    return { why: `it cannot be read: ${error instanceof Error ? error.message : 'unknown'}` }
  }
}

/** The file is not what writeSnapshot makes. */
class BadFile extends Error {}

class Reading {
  readonly #file: number
  readonly #size: number
  readonly #digest = createHash('sha256')
  #at = 0

  constructor(file: number) {
    this.#file = file
    this.#size = fstatSync(file).size
  }

  all(layout: string, mac: SnapshotMac): ReadSnapshot {
    if (textOf(this.#take(MAGIC.length)) !== MAGIC) throw new BadFile('it is no snapshot')
    const parts = new Map<string, Uint8Array[]>()
    for (;;) {
      const digest = this.#digest.copy().digest()
      const { name, bytes } = this.#frame()
      if (name === LAYOUT && textOf(bytes) !== layout)
        return { why: 'it was written by another version of Keystead' }
      if (name === END) {
        if (bytes.length !== MAC_LENGTH || !equalInConstantTime(mac(digest), textOf(bytes)))
          throw new BadFile('its MAC does not hold')
        if (this.#at !== this.#size) throw new BadFile('it goes on after its end')
        return { parts }
      }
      const known = parts.get(name)
      if (known === undefined) parts.set(name, [bytes])
      else known.push(bytes)
    }
  }

  #frame(): { readonly name: string; readonly bytes: Uint8Array } {
    const [nameLength = 0] = this.#take(1)
    const name = textOf(this.#take(nameLength))
    const length = Buffer.from(this.#take(4)).readUInt32LE()
    if (length > CHUNK_BYTES_MAX) throw new BadFile('it is damaged')
    return { name, bytes: this.#take(length) }
  }

  /** The next bytes, in memory of their own. */
  #take(length: number): Uint8Array {
    if (length > this.#size - this.#at) throw new BadFile('it ends too early')
    const bytes = new Uint8Array(length)
    for (let done = 0; done < length;) {
      const read = readSync(this.#file, bytes, done, length - done, this.#at + done)
      if (read === 0) throw new BadFile('it ends too early')
      done += read
    }
    this.#at += length
    this.#digest.update(bytes)
    return bytes
  }
}

function frame(name: string, chunk: Uint8Array): readonly [Uint8Array, Uint8Array] {
  if (chunk.length > CHUNK_BYTES_MAX) throw new Error(`a chunk of ${name} is too large for a snapshot`)
  const head = Buffer.alloc(1 + name.length + 4)
  head.writeUInt8(name.length)
  head.write(name, 1, 'latin1')
  head.writeUInt32LE(chunk.length, 1 + name.length)
  return [head, chunk]
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
