/**
 * Random grants, denies, wildcards, roles and queries, decided by the program and by the reference model.
 * Run: node bench/permission-model.ts [--cases 1000000] [--seed N]
 */
import { parseArgs } from 'node:util'
import { compileGrants, EFFECTIVE_PERMISSIONS_MAX } from '../packages/protocol/src/permission.ts'
import { randomCase } from '../packages/protocol/src/permission-cases.test-support.ts'
import { modelSatisfies, queryText } from '../packages/protocol/src/permission-model.test-support.ts'
import { parsePermissionQuery, satisfies } from '../packages/protocol/src/permission-query.ts'
import type { Row } from './report.ts'

/** A linear congruential generator (Numerical Recipes): the same seed asks the same questions. */
function dice(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Decides `count` random cases twice and counts the disagreements. */
export async function benchPermissionModel(
  count: number,
  seed = 20_261_125,
): Promise<{ row: Row; lines: readonly string[] }> {
  const random = dice(seed)
  const disagreements: string[] = []
  let allowed = 0
  for (let i = 0; i < count; i++) {
    const { lists, query } = randomCase(random)
    const text = queryText(query)
    const read = parsePermissionQuery(text)
    const grants = compileGrants([...new Set(lists.flat())], EFFECTIVE_PERMISSIONS_MAX)
    const decided = read.query !== null && satisfies(grants, read.query)
    if (decided) allowed += 1
    if (read.query === null || decided !== modelSatisfies(lists, query))
      disagreements.push(`${JSON.stringify(lists)} asked ${text}`)
  }
  return {
    lines: disagreements.slice(0, 10),
    row: {
      what: 'permission queries over grants, denies, wildcards and roles, against the reference model, random cases',
      must: '0 disagreements in 1,000,000',
      measured: `${disagreements.length} disagreements in ${count} cases, ${allowed} of them allowed`,
      command: `npx node bench/permission-model.ts --cases ${count} --seed ${seed}`,
      passed: disagreements.length === 0,
    },
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { cases: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '20261125' } },
  })
  const { row, lines } = await benchPermissionModel(Number(values.cases), Number(values.seed))
  for (const line of lines) console.log(line)
  console.log(row.measured)
  process.exitCode = row.passed ? 0 : 1
}
