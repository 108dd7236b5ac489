import { open, readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { systemCode, usageFailure } from './failure.ts'

/** A file of an export, or null when there is none. */
export async function readExported(folder: string, path: string): Promise<Uint8Array | null> {
  return ifPresent(join(folder, path), async (file) => readFile(file))
}

/** The same in pieces, for a file that may be larger than memory. */
export async function readExportedPieces(
  folder: string,
  path: string,
): Promise<AsyncIterable<Uint8Array> | null> {
  return ifPresent(join(folder, path), async (file) => (await open(file)).createReadStream())
}

/** The paths of all files of an export, with slashes. */
export async function listExported(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
}

/** What `read` makes of a file; null when there is no such file. */
async function ifPresent<T>(path: string, read: (path: string) => Promise<T>): Promise<T | null> {
  try {
    return await read(path)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return null
    throw usageFailure(`${path} cannot be read (${code ?? 'unknown error'})`)
  }
}
