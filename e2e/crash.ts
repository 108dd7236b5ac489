/**
 * Kills the server at random points while every mutating operation is under way, and checks after each kill that nothing
 * acknowledged is lost, that every change has its audit entry and every entry its change, and that the log verifies
 * offline; on PostgreSQL, the database server is killed as well.
 * Run: node e2e/crash.ts [--store sqlite|postgres] [--kills 1000] [--seed N] [--verify-every 20] [--folder DIR]
 * With --folder the run is kept there, and the same command goes on with it after it was broken off.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { runCrashes } from './crash-run.ts'
import { postgresStage, sqliteStage } from './crash-stage.ts'

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'sqlite' },
    kills: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(randomInt(1_000_000)) },
    'verify-every': { type: 'string', default: '20' },
    folder: { type: 'string' },
  },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
console.log(`seed ${values.seed}`)
const stage = values.store === 'postgres' ? await postgresStage() : sqliteStage()
if (stage === null) throw new Error('PostgreSQL is not installed')
const startedAt = performance.now()
const result = await runCrashes({
  kills: Number(values.kills),
  seed: Number(values.seed),
  verifyEvery: Number(values['verify-every']),
  print: (line) => console.log(line),
  stage,
  ...(values.folder === undefined ? {} : { folder: values.folder }),
})
await stage.end()
for (const problem of result.problems.slice(0, 20)) console.error(`PROBLEM: ${problem}`)
const { kills, acknowledged, interrupted, entries, verifications, problems } = result
console.log(
  `${kills.load} kills under load, ${kills.start} during a start, ${kills['first start']} during a first start, ` +
    `${kills.database} of the database server, ${kills.both} of both, ` +
    `in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`,
)
console.log(
  `${acknowledged.total} acknowledged changes (fewest by ${acknowledged.leastOperation}, ${acknowledged.least}), ` +
    `${interrupted.total} under way at a kill (fewest by ${interrupted.leastOperation}, ${interrupted.least})`,
)
console.log(`${entries} audit entries, ${verifications} offline verifications; ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
