/** A long run of kills that goes on where it was, also when the machine stopped in the middle. */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SavedChecks } from './crash-checks.ts'
import type { SavedClient, SavedTally } from './crash-load.ts'

/** What is killed: the server in its first start, in a later one, under load; the database server, or both, under load. */
export type Kind = 'first start' | 'start' | 'load' | 'database' | 'both'

export type Kills = Readonly<Record<Kind, number>>

/** Everything that a run knows after so many kills, while its server is stopped. */
export interface Progress {
  readonly seed: number
  readonly kill: number
  readonly kills: Kills
  readonly credential: string
  readonly diceState: number
  readonly tally: SavedTally
  readonly clients: readonly SavedClient[]
  readonly checks: SavedChecks
}

/** A run's folder: the data folder under test, and a copy of it with the progress that it belongs to. */
export class ProgressFolder {
  readonly dataDir: string
  readonly #saved: string

  constructor(folder: string) {
    this.dataDir = join(folder, 'data')
    this.#saved = join(folder, 'saved')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  }

  /** Puts the data back to the last save and answers with it; null, and no data, when there was none. */
  restore(): Progress | null {
    rmSync(this.dataDir, { recursive: true, force: true })
    const file = join(this.#saved, 'progress.json')
    if (!existsSync(file)) return null
    cpSync(join(this.#saved, 'data'), this.dataDir, { recursive: true })
    return JSON.parse(readFileSync(file, 'utf8')) as Progress
  }

  /** Keeps data and progress together: a save that was broken off leaves the one before or none, never half of one. */
  save(progress: Progress): void {
    const next = `${this.#saved}.next`
    rmSync(next, { recursive: true, force: true })
    cpSync(this.dataDir, join(next, 'data'), { recursive: true })
    writeFileSync(join(next, 'progress.json'), JSON.stringify(progress), { mode: 0o600 })
    rmSync(this.#saved, { recursive: true, force: true })
    renameSync(next, this.#saved)
  }
}
