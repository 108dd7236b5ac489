import { DomainError, StartError } from './errors.ts'
import { isFileFailure } from './file-failure.ts'

const LOOK = 'See docs/operate/troubleshooting.md. Nothing was changed.'

/** One line for an operator about a start that failed in a foreseen way; null for anything that is a bug. */
export function explainStart(error: unknown): string | null {
  if (error instanceof StartError) return error.message
  if (error instanceof DomainError && error.code === 'storage.integrity' && error.cause instanceof Error) {
    return `The database was changed outside Keystead: ${error.cause.message}. ${LOOK}`
  }
  const file = error instanceof DomainError && error.code === 'storage.unavailable' ? error.cause : error
  if (isFileFailure(file))
    return `A file cannot be used (${file.message}): check that the disk is not full and that the server's user may use the folder.`
  if (error instanceof DomainError && error.code === 'storage.unavailable') {
    const reason = error.cause instanceof Error ? error.cause.message : error.message
    return `The database cannot be written (${reason}): check that the disk is not full and the folder is writable.`
  }
  if (error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR') {
    return `The database cannot be read (${error.message}): put back a backup. ${LOOK}`
  }
  return null
}
