import { readFileSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { type Environment, type Read, readConfig } from './config.ts'
import { FILE_BYTES_MAX } from './file.ts'
import type { Problem } from './problem.ts'

/** Names the configuration file, where the command line does not. */
export const FILE_VARIABLE = 'KEYSTEAD_CONFIG'

/**
 * What the file and the environment say. `path`: of the file, as the command line names it; null takes KEYSTEAD_CONFIG,
 * and where that is not set either there is no file. A file that cannot be read, or that others can write, is a problem.
 */
export function loadConfig(environment: Environment, path: string | null): Read {
  const variable = environment[FILE_VARIABLE] ?? ''
  const named = path ?? (variable === '' ? null : variable)
  const file = named === null ? null : readText(resolve(named))
  if (file !== null && 'message' in file) return { config: null, effective: [], problems: [file] }
  return readConfig({ environment, file, hostname: hostname() })
}

function readText(path: string): { readonly path: string; readonly text: string } | Problem {
  const problem = (message: string): Problem => ({ source: { file: path, line: 1, column: 1 }, message })
  try {
    const { mode, size } = statSync(path)
    if ((mode & 0o022) !== 0) return problem(`can be changed by others: run chmod go-w ${path}`)
    if (size > FILE_BYTES_MAX)
      return problem(`is larger than ${FILE_BYTES_MAX} bytes: is it a configuration?`)
    return { path, text: readFileSync(path, 'utf8') }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    return problem(`cannot be read (${code})`)
  }
}
