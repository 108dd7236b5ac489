/**
 * All numbers of the project, each by its own command. Run: npm run bench -- [--write] [--kills 1000]
 * With --write the table goes to docs/reference/numbers.md.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { runCrashes } from '../e2e/crash-run.ts'
import { postgresStage, sqliteStage } from '../e2e/crash-stage.ts'
import { ROOT } from '../e2e/program.ts'
import { benchBulkOperation } from './bulk-operation.ts'
import { benchHundredThousandKeys } from './hundred-thousand-keys.ts'
import { benchIssueDurable } from './issue-durable.ts'
import { benchMillionKeys } from './million-keys.ts'
import { benchNamedTests } from './named-tests.ts'
import { benchPermissionModel } from './permission-model.ts'
import { benchIssuePostgres } from './issue-postgres.ts'
import type { Row } from './report.ts'
import { benchSqlAttacks } from './sql-attacks.ts'
import { benchTamperMatrix } from './tamper-matrix.ts'
import { benchVectors, vectorsFolder } from './vectors.ts'
import { benchUseAccounting } from './use-accounting.ts'
import { benchVerifyHttp } from './verify-http.ts'

const NUMBERS = join(ROOT, 'docs/reference/numbers.md')

async function crashRow(kills: number, store: 'sqlite' | 'postgres'): Promise<Row> {
  const seed = 20_261_122
  const stage = store === 'postgres' ? await postgresStage() : sqliteStage()
  if (stage === null) throw new Error('PostgreSQL is not installed')
  const result = await runCrashes({ kills, seed, verifyEvery: 20, print: (line) => console.log(line), stage })
  await stage.end()
  for (const problem of result.problems.slice(0, 5)) console.log(`PROBLEM: ${problem}`)
  const { acknowledged, interrupted } = result
  const { load, start, database, both, 'first start': firstStart } = result.kills
  return {
    what: `kill -9 at ${kills} random points, ${store === 'sqlite' ? 'SQLite' : 'PostgreSQL and its server too'}, 16 clients that use every mutating operation`,
    must: '0 acknowledged changes lost, 0 mutations without entry, 0 entries without mutation, gap-free; starts again by itself',
    measured:
      `${result.problems.length} problems; ${acknowledged.total} acknowledged changes (each operation at least ${acknowledged.least}), ` +
      `${interrupted.total} under way at a kill (at least ${interrupted.least}), ` +
      `${result.entries} entries, ${result.verifications} offline verifications; ${load} kills under load, ` +
      `${start} in a start, ${firstStart} in a first start${store === 'sqlite' ? '' : `, ${database} of the database server, ${both} of both`}`,
    command: `npx node e2e/crash.ts --store ${store} --kills ${kills} --seed ${seed}`,
    passed: result.problems.length === 0,
  }
}

/** The table, with where and when it was measured. */
function render(rows: readonly Row[]): string {
  const machine =
    `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GB, ` +
    `${process.platform} ${process.arch}, Node ${process.version}`
  const cells = rows.map(
    ({ what, must, measured, command, passed }) =>
      `| ${what} | ${must} | ${passed ? '' : '**missed:** '}${measured} | \`${command}\` |`,
  )
  return [
    '# Numbers',
    '',
    `Measured on ${new Date().toISOString().slice(0, 10)}: ${machine}. Written by \`npm run bench -- --write\`.`,
    'Ratios compare two programs in alternating windows of one run; they hold on other machines, absolute values do not.',
    '',
    '| what | must be | measured | command |',
    '|---|---|---|---|',
    ...cells,
    '',
  ].join('\n')
}

const { values } = parseArgs({
  options: { write: { type: 'boolean', default: false }, kills: { type: 'string', default: '1000' } },
})
const rows: Row[] = []
for (const bench of [
  async () => benchVectors(vectorsFolder(undefined)),
  () => benchTamperMatrix(),
  () => benchSqlAttacks(),
  () => benchNamedTests('conformance'),
  () => benchNamedTests('faults'),
  () => benchPermissionModel(1_000_000),
  () => benchVerifyHttp(11, 1_000),
  () => benchUseAccounting(7, 20_000),
  () => benchIssueDurable(7, 1_500),
  () => benchIssuePostgres(7, 2_000),
  () => benchHundredThousandKeys(100_000),
  () => benchMillionKeys(1_000_000, 7),
  () => benchBulkOperation(10_000),
]) {
  const { row, lines } = await bench()
  console.log([...lines, ''].join('\n'))
  rows.push(row)
}
rows.push(await crashRow(Number(values.kills), 'sqlite'))
rows.push(await crashRow(Math.ceil(Number(values.kills) / 5), 'postgres'))
const table = render(rows)
console.log(table)
if (values.write) {
  mkdirSync(dirname(NUMBERS), { recursive: true })
  writeFileSync(NUMBERS, table)
}
process.exitCode = rows.every(({ passed }) => passed) ? 0 : 1
