import { verifyLog } from '@keystead/protocol/audit-verification'
import { sha256, verifyEd25519 } from '../packages/server/src/hash.ts'
import type { Api } from './api.ts'
import { acceptedOf, isActive } from './crash-change.ts'
import type { CrashStage } from './crash-stage.ts'
import { type Entry, judge, LogFold, type Observed } from './crash-ledger.ts'
import type { MutatingClient } from './crash-load.ts'
import { lookUp, settleBulkOperations } from './crash-objects.ts'

const DAY_MS = 86_400_000
/** A key holds few versions; these are held or the newest of all. */
const SECRETS_CHECKED = 2
/** Within every range that the load gives to keys. */
const CLIENT_ADDRESS = '203.0.113.7'

/** What the checks have learnt, as it is kept between two runs of the program. */
export interface SavedChecks {
  readonly projectId: string
  readonly sourceId: string
  readonly gateway: string
  readonly trust: string
  readonly since: string | null
  readonly newestBulkOperation: string | null
  readonly logSize: number
  readonly verifications: number
}

/** Looks at what a crash has left: through the API, in the database, and in the log as an auditor gets it. */
export class CrashChecks {
  readonly problems: string[] = []
  verifications = 0
  /** The project that the gateway's credential is bound to. */
  projectId = ''
  /** Where its keys are imported from. */
  sourceId = ''
  readonly #stage: CrashStage
  readonly #dataDir: string
  readonly #clients: readonly MutatingClient[]
  readonly #log = new LogFold()
  readonly #logSizeMin: number
  #gateway = ''
  /** The log's key as the first start gave it, and the checkpoint that was verified last. */
  #trust = ''
  #since: string | null = null
  #newestBulkOperation: string | null = null

  constructor(
    stage: CrashStage,
    dataDir: string,
    clients: readonly MutatingClient[],
    saved: SavedChecks | null,
  ) {
    this.#stage = stage
    this.#dataDir = dataDir
    this.#clients = clients
    this.#logSizeMin = saved?.logSize ?? 0
    if (saved === null) return
    this.projectId = saved.projectId
    this.sourceId = saved.sourceId
    this.#gateway = saved.gateway
    this.#trust = saved.trust
    this.#since = saved.since
    this.#newestBulkOperation = saved.newestBulkOperation
    this.verifications = saved.verifications
  }

  /** Entries of the log that have been looked at. */
  get entries(): number {
    return this.#log.size
  }

  save(): SavedChecks {
    return {
      ...{
        projectId: this.projectId,
        sourceId: this.sourceId,
        gateway: this.#gateway,
        trust: this.#trust,
        since: this.#since,
      },
      newestBulkOperation: this.#newestBulkOperation,
      logSize: this.#log.size,
      verifications: this.verifications,
    }
  }

  /** Once, in the first start. */
  async setUp(api: Api): Promise<void> {
    const { items } = await api.json<{ items: readonly { id: string }[] }>('GET', '/v1/projects')
    this.projectId = items[0]?.id ?? ''
    const gateway = {
      ...{ projectId: this.projectId, environment: 'production', permissions: ['keys:verify'] },
      expiresAt: Date.now() + DAY_MS,
    }
    this.#gateway = (await api.json<{ secret: string }>('POST', '/v1/root-keys', gateway)).secret
    const source = { projectId: this.projectId, environment: 'production', name: 'old', algorithm: 'sha256' }
    this.sourceId = (await api.json<{ id: string }>('POST', '/v1/import-sources', source)).id
    const production = `/v1/projects/${this.projectId}/environments/production`
    await api.json('PATCH', production, { selfRotation: true })
    this.#trust = (await api.send('GET', '/v1/audit/log/key')).text
  }

  /** Everything that was touched since the last time, and all of the rows and the log. */
  async check(api: Api, verifyOffline: boolean): Promise<void> {
    const { settleMsMax } = this.#stage
    this.#newestBulkOperation = await settleBulkOperations(api, settleMsMax, this.#newestBulkOperation)
    for (const client of this.#clients) await this.#checkClient(api, client)
    this.problems.push(...(await this.#stage.inspect(this.#dataDir, this.#log)))
    if (this.#log.size < this.#logSizeMin)
      this.problems.push(`the log had ${this.#logSizeMin} entries, now ${this.#log.size}`)
    if (verifyOffline) await this.#verifyOffline(api)
  }

  async #checkClient(api: Api, client: MutatingClient): Promise<void> {
    const before = new Map(client.unanswered.map(({ entry }) => [entry, entry.acknowledged]))
    // A bulk operation is waited for before its keys are looked at: an undo may still be going on.
    const isBulk = ({ type }: Entry): number => (type === 'bulk_operation' ? 0 : 1)
    const touched = [...client.touched].toSorted((one, other) => isBulk(one) - isBulk(other))
    for (const entry of touched) await this.#checkEntry(api, entry)
    client.touched.clear()
    const done = client.unanswered.filter(({ entry }) => entry.acknowledged !== before.get(entry)).length
    if (done !== 0 && done !== client.unanswered.length)
      this.problems.push(`${done} of the ${client.unanswered.length} objects of one change have changed`)
    client.unanswered = []
  }

  async #checkEntry(api: Api, entry: Entry): Promise<void> {
    const found = await lookUp(api, this.#stage.settleMsMax, entry)
    const problem = judge(entry, found)
    if (problem !== null || found === null) {
      this.problems.push(problem ?? `${entry.id}: gone`)
      return
    }
    if (found['version'] !== entry.acknowledged['version']) entry.acknowledged = found
    entry.pending = null
    for (const [number, secret] of Object.entries(entry.secrets).slice(-SECRETS_CHECKED))
      await this.#checkSecret(api, entry, Number(number), secret)
  }

  async #checkSecret(
    api: Api,
    { type, id, acknowledged }: Entry,
    number: number,
    secret: string,
  ): Promise<void> {
    if (type === 'root_key') {
      const { status } = await api.send('GET', '/v1/projects?limit=1', undefined, secret)
      const isAccepted = isActive(acknowledged) && acceptedOf(acknowledged).includes(number)
      if (status !== (isAccepted ? 200 : 401)) this.problems.push(`${id} version ${number}: status ${status}`)
      return
    }
    const question = { key: secret, permission: 'market:read', address: CLIENT_ADDRESS }
    const { code } = await api.json<{ code: string }>('POST', '/v1/keys:verify', question, this.#gateway)
    const expected = expectedCodes(acknowledged, number)
    if (!expected.includes(code))
      this.problems.push(`${id} version ${number}: ${code} instead of ${expected.join(' or ')}`)
  }

  /** The log as an auditor gets it, against the key and the checkpoint that were kept from before the crash. */
  async #verifyOffline(api: Api): Promise<void> {
    const note = (await api.bytes('/v1/audit/log/checkpoint')) ?? new Uint8Array()
    const report = await verifyLog({
      readFile: async (path) => (path === 'checkpoint' ? note : api.bytes(urlOf(path))),
      readPieces: async () => null,
      listFiles: async () => [],
      trust: this.#trust,
      since: this.#since,
      sha256,
      verifyEd25519,
    })
    this.#since = Buffer.from(note).toString('utf8')
    this.verifications += 1
    const failed = report.checks.filter(({ ok }) => !ok)
    if (!report.ok) this.problems.push(`the log does not verify: ${JSON.stringify(failed)}`)
  }
}

/** Where the API has a file of an export. */
function urlOf(path: string): string {
  const position = /^batch\/(\d+)$/.exec(path)?.[1]
  return position === undefined ? `/v1/audit/log/${path}` : `/v1/audit/batches/${position}`
}

/** What a verification may answer for this version of a key. */
function expectedCodes(known: Observed, number: number): readonly string[] {
  const { state } = known
  if (state === 'destroyed') return ['NOT_FOUND']
  const isAccepted = acceptedOf(known).includes(number)
  // A version that has ended may be one that the key does not hold any more.
  const gone = isAccepted ? [] : ['NOT_FOUND']
  if (state === 'deactivated' || state === 'compromised') return ['REVOKED', ...gone]
  if (!isAccepted) return ['EXPIRED', ...gone]
  return [state === 'suspended' ? 'SUSPENDED' : 'VALID']
}
