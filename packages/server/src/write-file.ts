import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, unlinkSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Creates a file that only its owner can read (0600), synced to disk and never seen half-written. Fails when it exists:
 * nothing is overwritten.
 */
export function writeNewFile(path: string, text: string): void {
  const temporary = `${path}.new`
  writeSynced(temporary, text)
  try {
    linkSync(temporary, path)
  } finally {
    unlinkSync(temporary)
  }
  syncFolder(path)
}

/** Replaces a file atomically: after a crash it holds the old text or the new, never a part. Mode 0600. */
export function replaceFile(path: string, text: string): void {
  const temporary = `${path}.new`
  writeSynced(temporary, text)
  renameSync(temporary, path)
  syncFolder(path)
}

function writeSynced(path: string, text: string): void {
  rmSync(path, { force: true })
  const file = openSync(path, 'wx', 0o600)
  try {
    writeSync(file, text)
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
