/**
 * Rows altered, swapped, widened, put back, deleted, copied and added by direct SQL, on SQLite and PostgreSQL, under a
 * running server and before a start. Run: node bench/sql-attacks.ts
 */
import { ATTACKS, MOMENTS, runAttack } from '../e2e/sql-attack-run.ts'
import { AttackScope, postgresLaboratory, sqliteLaboratory } from '../e2e/sql-attack-laboratory.ts'
import { providePostgres } from '../tools/postgres.ts'
import type { Row } from './report.ts'

/** Every attack at both moments on both databases. */
export async function benchSqlAttacks(): Promise<{ row: Row; lines: readonly string[] }> {
  const scope = new AttackScope()
  const postgres = await providePostgres()
  scope.after(async () => postgres?.stop())
  const lines: string[] = []
  let [runs, failed, valid, databases] = [0, 0, 0, 0]
  try {
    const laboratories = [await sqliteLaboratory(scope)]
    if (postgres !== null) laboratories.push(await postgresLaboratory(scope, postgres.url))
    databases = laboratories.length
    for (const laboratory of laboratories) {
      const outcomes = new Map<string, number>()
      for (const attack of ATTACKS)
        for (const moment of MOMENTS) {
          const result = await runAttack(laboratory, attack, moment)
          runs += 1
          valid += result.valid
          outcomes.set(result.outcome, (outcomes.get(result.outcome) ?? 0) + 1)
          if (result.problems.length > 0) failed += 1
          for (const problem of result.problems.slice(0, 3))
            lines.push(`PROBLEM on ${laboratory.name}, ${moment}, ${attack.name}: ${problem}`)
        }
      const counts = [...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', ')
      lines.push(`${laboratory.name}: ${ATTACKS.length} attacks at ${MOMENTS.length} moments: ${counts}`)
    }
  } finally {
    await scope.end()
  }
  const tables = new Set(ATTACKS.map(({ table }) => table)).size
  const row: Row = {
    what: `rows changed by direct SQL, ${ATTACKS.length} ways over ${tables} tables, under a running server and before a start`,
    must: 'both databases; no VALID that the log does not justify; untouched keys stay valid; table and row are named',
    measured: `${failed} of ${runs} runs with a problem on ${databases} databases; ${valid} VALID answers, each justified by the log`,
    command: 'npx node bench/sql-attacks.ts',
    passed: failed === 0 && databases === 2,
  }
  return { row, lines }
}

if (import.meta.main) {
  const { row, lines } = await benchSqlAttacks()
  console.log([...lines, `${row.passed ? 'ok' : 'MISSED'}: ${row.measured}`].join('\n'))
  process.exitCode = row.passed ? 0 : 1
}
