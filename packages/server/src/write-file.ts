import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, unlinkSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { isFileFailure } from './file-failure.ts'

/**
 * Creates a file that only its owner can read (0600), synced to disk and never seen half-written. Fails when it exists:
 * nothing is overwritten. What the disk refuses names the file.
 */
export function writeNewFile(path: string, text: string): void {
  naming(path, () => {
    const temporary = `${path}.new`
    writeSynced(temporary, text)
    try {
      linkSync(temporary, path)
    } finally {
      unlinkSync(temporary)
    }
    syncFolder(path)
  })
}

/**
 * Replaces a file atomically: after a crash, or on a full disk, it holds the old text or the new, never a part. Mode 0600.
 * What the disk refuses names the file.
 */
export function replaceFile(path: string, text: string): void {
  naming(path, () => {
    const temporary = `${path}.new`
    writeSynced(temporary, text)
    renameSync(temporary, path)
    syncFolder(path)
  })
}

function writeSynced(path: string, text: string): void {
  rmSync(path, { force: true })
  const file = openSync(path, 'wx', 0o600)
  try {
    const bytes = Buffer.from(text)
    // A disk that is nearly full takes a part, and refuses the next one.
    for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Makes a new name in the folder of this file outlive a crash. */
export function syncFolder(path: string): void {
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** "ENOSPC: no space left on device, write" does not say where. */
function naming(path: string, write: () => void): void {
  try {
    write()
  } catch (cause) {
    if (!isFileFailure(cause)) throw cause
    throw Object.assign(new Error(`${path}: ${cause.message}`, { cause }), { code: cause.code })
  }
}
