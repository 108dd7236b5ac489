import { readFileSync, statSync } from 'node:fs'
import { StartError } from './errors.ts'

/** The text of a file that holds a secret. StartError when it cannot be read, or can be read by group or others. */
export function readSecretFile(path: string): string {
  return readNamedFile(path, () => {
    if ((statSync(path).mode & 0o077) !== 0)
      throw new StartError(`${path} can be read by others: run chmod 600 ${path}`)
  })
}

/** The text of a file that a setting names, after `check`. StartError when it cannot be read. */
export function readNamedFile(path: string, check: () => void = () => undefined): string {
  try {
    check()
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof StartError) throw cause
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new StartError(`${path} cannot be read (${code}).`, { cause })
  }
}
