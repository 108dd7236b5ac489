import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyLog } from '@keystead/protocol/audit-verification'
import { sha256, verifyEd25519 } from '../packages/server/src/hash.ts'
import { Api } from './api.ts'
import { type Entry, judge, LogFold } from './crash-ledger.ts'
import { dice, type Dice, lookUp, MutatingClient } from './crash-load.ts'
import type { CrashStage } from './crash-stage.ts'
import type { Program } from './program.ts'

const CLIENTS = 16
/** How long after the spawn a kill during a start comes at the latest. */
const START_MS_MAX = 900
const DAY_MS = 86_400_000
const BACK_MS_MAX = 20_000

export interface CrashOptions {
  readonly kills: number
  readonly seed: number
  /** The exported log is verified offline after so many kills, and at the end. */
  readonly verifyEvery: number
  readonly print: (line: string) => void
  readonly stage: CrashStage
}

/** What is killed: the server in its first start, in a later one, under load; the database server, or both, under load. */
type Kind = 'first start' | 'start' | 'load' | 'database' | 'both'

export interface CrashResult {
  readonly kills: Readonly<Record<Kind, number>>
  readonly acknowledged: number
  /** Changes whose answer did not come: committed or not, either is right. */
  readonly unanswered: number
  readonly entries: number
  readonly verifications: number
  readonly problems: readonly string[]
}

/** Kills a server again and again, and looks each time at what is left. */
export async function runCrashes(options: CrashOptions): Promise<CrashResult> {
  const folder = mkdtempSync(join(tmpdir(), 'keystead-crash-'))
  try {
    return await new CrashRun(options, folder).run()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

class CrashRun {
  readonly #options: CrashOptions
  readonly #folder: string
  readonly #dataDir: string
  readonly #dice: Dice
  readonly #clients: readonly MutatingClient[]
  readonly #log = new LogFold()
  readonly #problems: string[] = []
  readonly #kills = { 'first start': 0, start: 0, load: 0, database: 0, both: 0 }
  #credential = ''
  #gateway = ''
  /** The log's key as the first start gave it, and the checkpoint that was verified last. */
  #trust = ''
  #since: string | null = null
  #unanswered = 0
  #verifications = 0

  constructor(options: CrashOptions, folder: string) {
    this.#options = options
    this.#folder = folder
    this.#dataDir = join(folder, 'data')
    this.#dice = dice(options.seed)
    this.#clients = Array.from(
      { length: CLIENTS },
      (_, i) => new MutatingClient(`c${i}`, dice(options.seed + i + 1)),
    )
  }

  async run(): Promise<CrashResult> {
    await this.#options.stage.prepare(this.#dataDir)
    await this.#withServer((api) => this.#setUp(api), 'SIGTERM')
    for (let kill = 1; kill <= this.#options.kills; kill++) {
      const kind = this.#kindOf(kill)
      this.#kills[kind] += 1
      if (kind === 'first start') await this.#killFirstStart(kill)
      else if (kind === 'start') await this.#killStart()
      else await this.#killUnderLoad(kind, kill % this.#options.verifyEvery === 0)
      if (kill % 10 === 0) this.#report(kill)
      // One broken crash is enough to look at; the seed brings it back.
      if (this.#problems.length > 0) break
    }
    await this.#withServer(async (api) => {
      for (const client of this.#clients) for (const entry of client.entries) client.touched.add(entry)
      await this.#check(api, true)
    }, 'SIGTERM')
    return {
      kills: this.#kills,
      acknowledged: this.#acknowledged(),
      unanswered: this.#unanswered,
      entries: this.#log.size,
      verifications: this.#verifications,
      problems: this.#problems,
    }
  }

  async #setUp(api: Api): Promise<void> {
    const gateway = {
      environment: 'production',
      permissions: ['keys:verify'],
      expiresAt: Date.now() + DAY_MS,
    }
    this.#gateway = (await api.json<{ secret: string }>('POST', '/v1/root-keys', gateway)).secret
    this.#trust = (await api.send('GET', '/v1/audit/log/key')).text
  }

  async #killUnderLoad(kind: Kind, verifyOffline: boolean): Promise<void> {
    const database = kind === 'load' ? null : this.#options.stage.server
    await this.#withServer(async (api, server) => {
      await this.#check(api, verifyOffline)
      const running = Promise.all(this.#clients.map((client) => client.run(api)))
      await pause(this.#dice() * this.#options.stage.loadMsMax)
      await Promise.all([database?.kill(), kind === 'database' ? null : server.end('SIGKILL')])
      await running
      await database?.restart()
      // It has kept running without its database: everything must be there without a new start.
      if (kind === 'database') await this.#checkWhenBack(api)
    }, 'SIGKILL')
  }

  async #checkWhenBack(api: Api): Promise<void> {
    for (const overdue = performance.now() + BACK_MS_MAX; ;) {
      const { status } = await api.send('GET', '/readyz')
      if (status === 200) return this.#check(api, false)
      if (performance.now() > overdue) throw new Error('the server does not find back to its database')
      await pause(50)
    }
  }

  async #killStart(): Promise<void> {
    const server = this.#options.stage.launch(this.#dataDir)
    await pause(this.#dice() * START_MS_MAX)
    await server.end('SIGKILL')
  }

  /** A new folder: the first start is killed, the second must be a whole installation with a credential that works. */
  async #killFirstStart(kill: number): Promise<void> {
    const { stage } = this.#options
    const dataDir = join(this.#folder, `new-${kill}`)
    await stage.prepare(dataDir)
    const delayMs = this.#dice() * START_MS_MAX
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
      const what = `first start killed after ${delayMs.toFixed(0)} ms:`
      if (status !== 200)
        this.#problems.push(`${what} bootstrap key ${credential === '' ? 'missing' : `refused (${status})`}`)
      this.#problems.push(...(await stage.inspect(dataDir, new LogFold())).map((text) => `${what} ${text}`))
    } catch (error) {
      this.#problems.push(`first start killed after ${delayMs.toFixed(0)} ms: ${messageOf(error)}`)
    } finally {
      await second.end('SIGKILL')
      stage.forget(dataDir)
    }
  }

  async #withServer(
    work: (api: Api, server: Program) => Promise<void>,
    signal: 'SIGTERM' | 'SIGKILL',
  ): Promise<void> {
    const server = this.#options.stage.launch(this.#dataDir)
    try {
      const url = await server.ready
      this.#credential ||= readFileSync(join(this.#dataDir, 'bootstrap-key'), 'utf8').trim()
      const api = new Api(url, this.#credential)
      await work(api, server)
      api.close()
    } catch (error) {
      this.#problems.push(messageOf(error))
    } finally {
      await server.end(signal)
    }
  }

  async #check(api: Api, verifyOffline: boolean): Promise<void> {
    for (const client of this.#clients) {
      for (const entry of client.touched) await this.#checkEntry(api, entry)
      client.touched.clear()
    }
    this.#problems.push(...(await this.#options.stage.inspect(this.#dataDir, this.#log)))
    if (verifyOffline) await this.#verifyOffline(api)
  }

  async #checkEntry(api: Api, entry: Entry): Promise<void> {
    const found = await lookUp(api, entry)
    const problem = judge(entry, found)
    if (problem !== null || found === null) {
      this.#problems.push(problem ?? `${entry.id}: gone`)
      return
    }
    if (entry.pending !== null) {
      this.#unanswered += 1
      // The secret of a rotation whose answer did not come is known to nobody.
      if (found['newest'] !== entry.acknowledged['newest']) entry.secret = null
      entry.acknowledged = found
      entry.pending = null
    }
    if (entry.secret === null) return
    const question = { key: entry.secret, permission: 'market:read' }
    const { code } = await api.json<{ code: string }>('POST', '/v1/keys:verify', question, this.#gateway)
    const expected = found['state'] === 'active' ? 'VALID' : 'REVOKED'
    if (code !== expected) this.#problems.push(`${entry.id}: ${code} instead of ${expected}`)
  }

  /** The log as an auditor gets it, against the key and the checkpoint that were kept from before the crash. */
  async #verifyOffline(api: Api): Promise<void> {
    const note = (await api.bytes('/v1/audit/log/checkpoint')) ?? new Uint8Array()
    const report = await verifyLog({
      readFile: async (path) => (path === 'checkpoint' ? note : api.bytes(`/v1/audit/log/${path}`)),
      readPieces: async () => null,
      listFiles: async () => [],
      trust: this.#trust,
      since: this.#since,
      sha256,
      verifyEd25519,
    })
    this.#since = Buffer.from(note).toString('utf8')
    this.#verifications += 1
    const failed = report.checks.filter(({ ok }) => !ok)
    if (!report.ok) this.#problems.push(`the log does not verify: ${JSON.stringify(failed)}`)
  }

  #kindOf(kill: number): Kind {
    // Of ten kills one in the first start of a new folder, two in a later start, seven under load, three of them of the
    // database server, if there is one. The first is under load, so that there is something to lose.
    const place = kill % 10
    if (place === 5) return 'first start'
    if (place === 3 || place === 8) return 'start'
    if (this.#options.stage.server === null) return 'load'
    if (place === 2) return 'both'
    return place === 4 || place === 7 ? 'database' : 'load'
  }

  #acknowledged(): number {
    return this.#clients.reduce((sum, client) => sum + client.acknowledged, 0)
  }

  #report(kill: number): void {
    this.#options.print(
      `${kill} kills, ${this.#acknowledged()} changes acknowledged, ${this.#log.size} entries`,
    )
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
