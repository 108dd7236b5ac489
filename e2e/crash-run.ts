import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Api } from './api.ts'
import { CrashChecks } from './crash-checks.ts'
import { LogFold } from './crash-ledger.ts'
import { MutatingClient, Tally } from './crash-load.ts'
import { type Kills, type Kind, type Progress, ProgressFolder } from './crash-progress.ts'
import { SeededDice } from './dice.ts'
import type { CrashStage } from './crash-stage.ts'
import type { Program } from './program.ts'

const CLIENTS = 16
/** In which the first server has to be asked for everything once. */
const FIRST_LOAD_MS_MAX = 30_000
const POLL_MS = 10
/** A kill of a start comes until the ready line or soon after it, when the server does what has come due. */
const START_SHARE_MAX = 1.3
/** Before a start was measured. */
const START_MS = 700
/** A run that is kept stops its server and saves after so many kills. */
const SAVE_EVERY = 25
const BACK_MS_MAX = 20_000

export interface CrashOptions {
  readonly kills: number
  readonly seed: number
  /** The exported log is verified offline after so many kills, and at the end. */
  readonly verifyEvery: number
  readonly print: (line: string) => void
  /** Where the run is kept, and goes on from; left out: nowhere. */
  readonly folder?: string
  readonly stage: CrashStage
}

export interface CrashResult {
  readonly kills: Kills
  readonly acknowledged: CountedByOperation
  /** Changes whose answer did not come: committed or not, either is right. */
  readonly interrupted: CountedByOperation
  readonly entries: number
  readonly verifications: number
  readonly problems: readonly string[]
}

/** Over all mutating operations of the OpenAPI document. */
export interface CountedByOperation {
  readonly total: number
  /** Of the operation that has fewest. */
  readonly least: number
  readonly leastOperation: string
}

/** Kills a server again and again, and looks each time at what is left. */
export async function runCrashes(options: CrashOptions): Promise<CrashResult> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'keystead-crash-'))
  const result = await new CrashRun(options, folder).run()
  // What a broken run has left is worth a look, where somebody has asked to keep it.
  if (options.folder === undefined || result.problems.length === 0)
    rmSync(folder, { recursive: true, force: true })
  return result
}

class CrashRun {
  readonly #options: CrashOptions
  readonly #folder: string
  readonly #progress: ProgressFolder
  readonly #saved: Progress | null
  readonly #dice: SeededDice
  readonly #clients: readonly MutatingClient[]
  readonly #checks: CrashChecks
  readonly #tally: Tally
  readonly #kills: Record<Kind, number>
  #credential: string
  #startMs = START_MS

  constructor(options: CrashOptions, folder: string) {
    this.#options = options
    this.#folder = folder
    this.#progress = new ProgressFolder(folder)
    const saved = this.#progress.restore()
    this.#saved = saved
    const seed = saved?.seed ?? options.seed
    this.#dice = new SeededDice(saved?.diceState ?? seed)
    this.#tally = new Tally(saved?.tally)
    this.#clients = Array.from(
      { length: CLIENTS },
      (_, i) => new MutatingClient(`c${i}`, seed + i + 1, this.#tally, saved?.clients[i]),
    )
    this.#checks = new CrashChecks(
      options.stage,
      this.#progress.dataDir,
      this.#clients,
      saved?.checks ?? null,
    )
    this.#kills = { 'first start': 0, start: 0, load: 0, database: 0, both: 0, ...saved?.kills }
    this.#credential = saved?.credential ?? ''
  }

  async run(): Promise<CrashResult> {
    const { kills, verifyEvery, folder, print, stage } = this.#options
    const { problems } = this.#checks
    if (this.#saved === null) {
      await stage.prepare(this.#progress.dataDir)
      await this.#withServer(async (api) => this.#checks.setUp(api), 'SIGTERM')
    } else print(`going on after kill ${this.#saved.kill}`)
    for (let kill = (this.#saved?.kill ?? 0) + 1; kill <= kills && problems.length === 0; kill++) {
      const kind = kindOf(kill, stage.server !== null)
      this.#kills[kind] += 1
      if (kind === 'first start') await this.#killFirstStart(kill)
      else if (kind === 'start') await this.#killStart()
      else await this.#killUnderLoad(kind, kill % verifyEvery === 0)
      if (kill % 10 === 0) this.#report(kill)
      if (folder !== undefined && stage.isInFolder && kill % SAVE_EVERY === 0) await this.#save(kill)
    }
    await this.#withServer(async (api) => {
      for (const client of this.#clients) for (const entry of client.entries) client.touched.add(entry)
      await this.#checks.check(api, true)
    }, 'SIGTERM')
    return {
      kills: this.#kills,
      acknowledged: summed(this.#tally.acknowledged),
      interrupted: summed(this.#tally.interrupted),
      entries: this.#checks.entries,
      verifications: this.#checks.verifications,
      problems,
    }
  }

  async #killUnderLoad(kind: Kind, verifyOffline: boolean): Promise<void> {
    const { stage } = this.#options
    const database = kind === 'load' ? null : stage.server
    await this.#withServer(async (api, server) => {
      await this.#checks.check(api, verifyOffline)
      const running = Promise.all(this.#clients.map(async (client) => client.run(api, this.#checks)))
      await this.#everyOperationDone(running)
      await pause(this.#dice.throw() * stage.loadMsMax)
      await Promise.all([database?.kill(), kind === 'database' ? null : server.end('SIGKILL')])
      try {
        await running
      } finally {
        // What a client has found wrong is not to be hidden behind a database that is missing from here on.
        await database?.restart()
      }
      // It has kept running without its database: everything must be there without a new start.
      if (kind === 'database') await this.#checkWhenBack(api)
    }, 'SIGKILL')
  }

  /** The first server is not killed before it has answered every operation once. */
  async #everyOperationDone(running: Promise<unknown>): Promise<void> {
    let isOver = false
    const end = (): void => {
      isOver = true
    }
    running.then(end, end)
    for (const overdue = performance.now() + FIRST_LOAD_MS_MAX; !isOver && performance.now() < overdue;) {
      if (summed(this.#tally.acknowledged).least > 0) return
      await pause(POLL_MS)
    }
    const { leastOperation, least } = summed(this.#tally.acknowledged)
    if (least === 0) this.#checks.problems.push(`${leastOperation} was not acknowledged once`)
  }

  async #checkWhenBack(api: Api): Promise<void> {
    for (const overdue = performance.now() + BACK_MS_MAX; ;) {
      const { status } = await api.send('GET', '/readyz')
      if (status === 200) return this.#checks.check(api, false)
      if (performance.now() > overdue) throw new Error('the server does not find back to its database')
      await pause(50)
    }
  }

  async #killStart(): Promise<void> {
    const server = this.#options.stage.launch(this.#progress.dataDir)
    await pause(this.#dice.throw() * this.#startMs * START_SHARE_MAX)
    await server.end('SIGKILL')
  }

  /** A new folder: the first start is killed, the second must be a whole installation with a credential that works. */
  async #killFirstStart(kill: number): Promise<void> {
    const dataDir = join(this.#folder, `new-${kill}`)
    const delayMs = this.#dice.throw() * START_MS * START_SHARE_MAX
    const what = `first start killed after ${delayMs.toFixed(0)} ms:`
    const problems: string[] = []
    const { stage } = this.#options
    stage.forget(dataDir)
    await stage.prepare(dataDir)
    const first = stage.launch(dataDir)
    await pause(delayMs)
    await first.end('SIGKILL')
    const second = stage.launch(dataDir)
    try {
      const url = await second.ready
      const file = join(dataDir, 'bootstrap-key')
      const credential = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
      const api = new Api(url, credential)
      const { status } = await api.send('GET', '/v1/projects')
      api.close()
      if (status !== 200)
        problems.push(`bootstrap key ${credential === '' ? 'missing' : `refused (${status})`}`)
      problems.push(...(await stage.inspect(dataDir, new LogFold())))
    } catch (error) {
      problems.push(`${messageOf(error)}; the server: ${second.state()}`)
    } finally {
      await second.end('SIGKILL')
      this.#checks.problems.push(...problems.map((text) => `${what} ${text}`))
      if (problems.length === 0) stage.forget(dataDir)
    }
  }

  async #withServer(
    work: (api: Api, server: Program) => Promise<void>,
    signal: 'SIGTERM' | 'SIGKILL',
  ): Promise<void> {
    const startedAt = performance.now()
    const server = this.#options.stage.launch(this.#progress.dataDir)
    try {
      const url = await server.ready
      this.#startMs = performance.now() - startedAt
      this.#credential ||= readFileSync(join(this.#progress.dataDir, 'bootstrap-key'), 'utf8').trim()
      const api = new Api(url, this.#credential)
      await work(api, server)
      api.close()
    } catch (error) {
      this.#checks.problems.push(`${messageOf(error)}; the server: ${server.state()}`)
    } finally {
      await server.end(signal)
    }
  }

  /** While the server is stopped and nothing is under way, so that data and progress belong together. */
  async #save(kill: number): Promise<void> {
    await this.#withServer(async (api) => this.#checks.check(api, false), 'SIGTERM')
    if (this.#checks.problems.length > 0) return
    this.#progress.save({
      ...{ seed: this.#saved?.seed ?? this.#options.seed, kill, kills: this.#kills },
      credential: this.#credential,
      diceState: this.#dice.state,
      tally: this.#tally.save(),
      clients: this.#clients.map((client) => client.save()),
      checks: this.#checks.save(),
    })
  }

  #report(kill: number): void {
    this.#options.print(
      `${kill} kills, ${summed(this.#tally.acknowledged).total} changes acknowledged, ${this.#checks.entries} entries, ` +
        `last start ${this.#startMs.toFixed(0)} ms`,
    )
  }
}

/**
 * Of ten kills one in the first start of a new folder, two in a later start, seven under load, three of them of the
 * database server, if there is one. The first is under load, so that there is something to lose.
 */
function kindOf(kill: number, hasDatabaseServer: boolean): Kind {
  const place = kill % 10
  if (place === 5) return 'first start'
  if (place === 3 || place === 8) return 'start'
  if (!hasDatabaseServer) return 'load'
  if (place === 2) return 'both'
  return place === 4 || place === 7 ? 'database' : 'load'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function summed(counts: ReadonlyMap<string, number>): CountedByOperation {
  const sorted = [...counts].toSorted(([, one], [, other]) => one - other)
  const [leastOperation, least] = sorted[0] ?? ['', 0]
  return { total: sorted.reduce((sum, [, count]) => sum + count, 0), least, leastOperation }
}
