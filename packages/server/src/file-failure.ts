import { readFileSync, statSync } from 'node:fs'

/** What an operating system says of a file, a folder or the disk below it; what it says of networks has other names. */
const CODES: ReadonlySet<unknown> = new Set([
  ...['EACCES', 'EDQUOT', 'EEXIST', 'EFBIG', 'EIO', 'EISDIR', 'EMFILE', 'ENFILE', 'ENOENT'],
  ...['ENOSPC', 'ENOTDIR', 'EPERM', 'EROFS', 'ESTALE'],
])

/** Whether the operating system refused something about a file. */
export function isFileFailure(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'code' in error && CODES.has(error.code)
}

/** Whether there is a file. Throws when that cannot be found out: what cannot be seen is never taken for absent. */
export function fileExists(path: string): boolean {
  try {
    statSync(path)
    return true
  } catch (error) {
    if (isFileFailure(error) && error.code === 'ENOENT') return false
    throw error
  }
}

/** The text of a file; null when there is none. Throws, as fileExists does, when it is there and cannot be read. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isFileFailure(error) && error.code === 'ENOENT') return null
    throw error
  }
}
