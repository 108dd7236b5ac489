import type { Config } from '@keystead/settings/config'
import { raiseIntegrityAlarms } from './audit/alarm.ts'
import { createIntegrity } from './audit/append.ts'
import { openEpoch } from './audit/epoch.ts'
import { requireUnguarded } from './audit/guard.ts'
import { CheckpointPublisher } from './audit/publish.ts'
import { StateExports } from './audit/state-exports.ts'
import { initialize, issueBootstrapKey, recordStart, rescueBootstrapKey } from './bootstrap.ts'
import { systemClock } from './clock.ts'
import { readStart, type Wanted } from './config.ts'
import { prepareFolders } from './data-folder.ts'
import type { Domain } from './domain.ts'
import { requireFreePort } from './http/port.ts'
import { createHttpServer } from './http/server.ts'
import { readTlsIdentity, TlsRenewal } from './tls.ts'
import { newId } from './ids.ts'
import { runJobs } from './jobs/job.ts'
import { JOBS } from './jobs/jobs.ts'
import { openFileSeal } from './keystore/file.ts'
import type { Keyring } from './keystore/keystore.ts'
import { openKeyring } from './keystore/keyring.ts'
import type { Issued } from './keys/issue.ts'
import { jsonLog, type Log } from './log.ts'
import { LogCounts, Metrics } from './metrics.ts'
import { pooledRandom, type Random } from './random.ts'
import { findDatabase } from './storage/database.ts'
import { every } from './schedule.ts'
import { resumeFrom, SnapshotKeeper } from './snapshot/keeper.ts'
import { explainStart } from './start-failure.ts'
import { stopOnSignal, takeSteps } from './stop-on-signal.ts'
import { keepTickShape } from './tick-shape.ts'
import { staleness } from './verify/freshness.ts'
import { KeyIndex } from './verify/index.ts'
import { openVerifier } from './verify/open.ts'
import { handOver } from './bootstrap-key.ts'

const CHECKPOINT_EVERY_MS = 1_000
/** A crash may cost the uses of these seconds, and the log shows it; a verification must not wait for a disk. */
const USAGE_EVERY_MS = 5_000
/** Until then each use of an imported key costs what its first one did, but for a slow hash. */
const UPGRADES_EVERY_MS = 1_000
/** What comes due by time is done within this; what a stop has broken off, right after the start. */
const JOBS_EVERY_MS = 10_000
/** An export that nobody goes on with ends within its minute and this. */
const EXPIRE_EVERY_MS = 10_000
/** All rows and leaves are read again this often; a million of each take about a minute of one core, in slices. */
const SWEEP_EVERY_MS = 3_600_000
/** A start from a snapshot has read no rows: they are looked at soon, but not while everybody comes back. */
const FIRST_SWEEP_MS = 300_000
/** A renewed certificate is served within this. */
const TLS_EVERY_MS = 60_000
/** How often a snapshot may be written, at the most. */
const SNAPSHOT_EVERY_MS = 60_000

/** The composition root: config -> keystore -> store -> index -> http. Resolves with what stops it. */
async function start(config: Config, log: Log, wanted: Wanted): Promise<() => Promise<void>> {
  const random = pooledRandom()
  const identity = config.tls === null ? null : readTlsIdentity(config.tls)
  await requireFreePort(config.host, config.port)
  prepareFolders(config)
  const database = await findDatabase(config)
  const keyring = await unseal(config, database.isNew, random, log)
  const index = new KeyIndex()
  const emitter = { boot: newId('boot', systemClock, random), node: config.node }
  const integrity = createIntegrity({ keyring, clock: systemClock, random, ...emitter })
  const store = await database.open({
    ...{ integrity, clock: systemClock, boot: emitter.boot },
    onLoaded: (changes) => index.add(changes),
    resume: resumeFrom(config.dataDir, keyring, index, log),
  })
  index.follow(store)
  const keeper = new SnapshotKeeper({ dataDir: config.dataDir, keyring, store, index, log })
  const domain: Domain = { store, clock: systemClock, random, cipher: keyring, brand: config.brand }
  const { guardFile, trustedProxies } = config
  // Only an empty log is a new installation: a row that is not found where there is a log was taken away (T-05).
  const isEmpty = store.head().size === 0
  if (isEmpty) requireUnguarded(guardFile)
  const first = isEmpty ? await initialize(domain) : null
  if (first !== null) handOver(first.secret, config.dataDir, process.stdout)
  const publicKey = keyring.checkpointPublicKey
  const origin = await openEpoch({ store, guardFile, publicKey, acceptRollback: wanted.newEpoch })
  const publisher = await CheckpointPublisher.open({ store, keyring, origin, guardFile, log })
  const again = first === null ? await anotherBootstrapKey(domain, wanted.newBootstrapKey) : null
  if (again !== null) handOver(again.secret, config.dataDir, process.stdout)
  await recordStart(domain, emitter)
  raiseIntegrityAlarms(store, log)

  const verifier = openVerifier(domain, index, emitter, log)
  const stateExports = new StateExports({ store, publisher, clock: systemClock, random })
  const ready = (): string | null => store.halted() ?? staleness(verifier)
  const metrics = new Metrics({ store, verifier, publisher, logCounts })
  const services = { domain, verifier, publisher, stateExports, metrics, trustedProxies }
  const http = createHttpServer(services, log, ready, identity)
  const schedules = [
    every(CHECKPOINT_EVERY_MS, () => publisher.publish(), log),
    every(SWEEP_EVERY_MS, () => store.sweep(), log, FIRST_SWEEP_MS),
    every(EXPIRE_EVERY_MS, () => stateExports.expire(), log),
    every(SNAPSHOT_EVERY_MS, () => keeper.keep(), log),
    every(USAGE_EVERY_MS, async () => Promise.all([verifier.usage.flush(), verifier.addresses.flush()]), log),
    every(UPGRADES_EVERY_MS, () => verifier.upgrades.flush(), log),
  ]
  const port = await http.listen(config.host, config.port)
  schedules.push(every(JOBS_EVERY_MS, async () => runJobs(JOBS, { domain, log }), log, 0))
  if (config.tls !== null && identity !== null) {
    const renewal = new TlsRenewal(config.tls, identity, systemClock, log)
    const look = async (): Promise<void> => renewal.look((next) => http.renew(next))
    schedules.push(every(TLS_EVERY_MS, look, log, 0))
  }
  const scheme = identity === null ? 'http' : 'https'
  process.stdout.write(`keystead ready on ${scheme}://${config.host}:${port}\n`)
  return async () =>
    takeSteps([
      async () => http.close(),
      ...schedules,
      async () => stateExports.close(),
      async () => verifier.close(),
      async () => publisher.publish(),
      async () => keeper.save(),
      async () => store.close(),
    ])
}

async function anotherBootstrapKey(domain: Domain, wanted: boolean): Promise<Issued | null> {
  const rescued = await rescueBootstrapKey(domain)
  if (rescued !== null || !wanted) return rescued
  process.stdout.write(
    'a new bootstrap root key is made; earlier root keys stay valid until you revoke them\n',
  )
  return issueBootstrapKey(domain)
}

async function unseal(config: Config, isNew: boolean, random: Random, log: Log): Promise<Keyring> {
  const seal = await openFileSeal({ ...config, random }, isNew)
  if (seal.warning !== null) log('warn', 'keystore.weak_seal', { seal: seal.kind, warning: seal.warning })
  using root = await seal.unseal()
  return openKeyring(root)
}

process.umask(0o077)
keepTickShape()
const logCounts = new LogCounts()
const log = logCounts.counting(jsonLog((line) => process.stderr.write(line), systemClock))
try {
  const { config, wanted } = readStart(process.argv.slice(2), process.env)
  const stop = await start(config, log, wanted)
  stopOnSignal(stop, log)
} catch (error) {
  const explanation = explainStart(error)
  if (explanation === null) throw error
  process.stderr.write(`keystead: ${explanation}\n`)
  process.exit(1)
}
