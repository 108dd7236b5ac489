import type { Config } from '@keystead/settings/config'
import { accessSync, constants, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { StartError } from './errors.ts'

/** Makes the folders that a server writes to, for its owner only (0700). StartError when one cannot be written. */
export function prepareFolders({ dataDir, guardFile }: Config): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    mkdirSync(dirname(guardFile), { recursive: true, mode: 0o700 })
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new StartError(
      `The data folder ${dataDir} cannot be written: make it writable for this user, or set KEYSTEAD_DATA_DIR to another one.`,
      { cause },
    )
  }
}
