import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Creates a file that only its owner can read (0600), synced to disk. Fails when it exists: nothing is overwritten. */
export function writeNewFile(path: string, text: string): void {
  writeSynced(path, text, 'wx')
  syncFolder(path)
}

/** Replaces a file atomically: after a crash it holds the old text or the new, never a part. Mode 0600. */
export function replaceFile(path: string, text: string): void {
  const temporary = `${path}.new`
  writeSynced(temporary, text, 'w')
  renameSync(temporary, path)
  syncFolder(path)
}

function writeSynced(path: string, text: string, flag: 'w' | 'wx'): void {
  const file = openSync(path, flag, 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function syncFolder(path: string): void {
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
