/**
 * All numbers of the project, each by its own command. Run: npm run bench -- [--only name,name] [--write] [--kills 1000]
 * With --write what was measured goes to docs/reference/numbers.md; rows that were not measured stay.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
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

interface Measured {
  readonly row: Row
  readonly lines: readonly string[]
}

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

/** The table: what was measured now, each row with its day, and the other rows as they are. */
function render(rows: readonly Row[], before: string): string {
  const machine =
    `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GB, ` +
    `${process.platform} ${process.arch}, Node ${process.version}`
  const day = new Date().toISOString().slice(0, 10)
  const lines = new Map(
    before.split('\n').flatMap((line) => commandOf(line).map((command) => [command, line])),
  )
  for (const { what, must, measured, command, passed } of rows)
    lines.set(
      command,
      `| ${what} | ${must} | ${passed ? '' : '**missed:** '}${measured} | \`${command}\` | ${day} |`,
    )
  return [
    '# Numbers',
    '',
    `Measured on ${machine}, each on its day. Written by \`npm run bench -- --write\`.`,
    'Ratios compare two programs in alternating windows of one run; they hold on other machines, absolute values do not.',
    '',
    '| what | must be | measured | command | on |',
    '|---|---|---|---|---|',
    ...lines.values(),
    '',
  ].join('\n')
}

/** By which command a row of the table was measured; none for other lines. */
function commandOf(line: string): readonly string[] {
  return /\| `([^`]+)` \| [\d-]+ \|$/.exec(line)?.slice(1) ?? []
}

const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    kills: { type: 'string', default: '1000' },
    only: { type: 'string' },
  },
})
const kills = Number(values.kills)
const benches: Readonly<Record<string, () => Promise<Measured> | Measured>> = {
  vectors: async () => benchVectors(vectorsFolder(undefined)),
  'tamper-matrix': () => benchTamperMatrix(),
  'sql-attacks': () => benchSqlAttacks(),
  conformance: () => benchNamedTests('conformance'),
  faults: () => benchNamedTests('faults'),
  'permission-model': () => benchPermissionModel(1_000_000),
  'verify-http': () => benchVerifyHttp(11, 1_000),
  'use-accounting': () => benchUseAccounting(25, 6_000),
  'issue-durable': () => benchIssueDurable(7, 1_500),
  'issue-postgres': () => benchIssuePostgres(7, 2_000),
  'hundred-thousand-keys': () => benchHundredThousandKeys(100_000),
  'million-keys': () => benchMillionKeys(1_000_000, 7),
  'bulk-operation': () => benchBulkOperation(10_000),
  'crash-sqlite': async () => ({ row: await crashRow(kills, 'sqlite'), lines: [] }),
  'crash-postgres': async () => ({ row: await crashRow(Math.ceil(kills / 5), 'postgres'), lines: [] }),
}
const names = values.only?.split(',') ?? Object.keys(benches)
const rows: Row[] = []
for (const name of names) {
  const bench = benches[name]
  if (bench === undefined) throw new Error(`--only ${name}: give some of ${Object.keys(benches).join(', ')}`)
  const { row, lines } = await bench()
  console.log([...lines, ''].join('\n'))
  rows.push(row)
}
console.log(render(rows, ''))
if (values.write) writeFileSync(NUMBERS, render(rows, readFileSync(NUMBERS, 'utf8')))
process.exitCode = rows.every(({ passed }) => passed) ? 0 : 1
