/**
 * The tamper matrix: what each attack on an exported log does to both verifiers. Run: node bench/tamper-matrix.ts
 * Detected: the verifier refuses, and by exactly the checks that must see it. False alarm: it says anything against an
 * untouched log or an honest pair of checkpoints.
 */
import { CannotCompareError, compareCheckpoints } from '@keystead/protocol/audit-comparison'
import { verifyLog } from '@keystead/protocol/audit-verification'
import { compareInPython, forEach, hasPython, verifyInPython } from '../e2e/python-verifier.ts'
import { sha256, verifyEd25519 } from '../packages/protocol/src/node-crypto.test-support.ts'
import { readerOf } from '../packages/protocol/src/sample-log.test-support.ts'
import type { ViewCase } from '../packages/protocol/src/split-views.test-support.ts'
import { tamperMatrix, untouched } from '../packages/protocol/src/tamper-matrix.test-support.ts'
import type { LogCase } from '../packages/protocol/src/tampered-logs.test-support.ts'
import type { Row } from './report.ts'

/** What a verifier says: the checks that failed, or the verdict; null when it could not run. */
interface Verifier {
  readonly name: string
  readonly verify: (log: LogCase) => Promise<readonly string[] | null>
  readonly compare: (view: ViewCase) => Promise<string | null>
}

interface Tally {
  right: number
  wrong: number
}

const TYPESCRIPT: Verifier = {
  name: 'TypeScript',
  verify: async ({ files, trust, since }) =>
    failed(await verifyLog({ ...readerOf(files), trust, since, sha256, verifyEd25519 })),
  compare: async ({ notes, trust, proof, files }) => {
    const readFile = files === null ? null : readerOf(files).readFile
    try {
      return (await compareCheckpoints({ notes, trust, proof, readFile, sha256, verifyEd25519 })).verdict
    } catch (error) {
      if (error instanceof CannotCompareError) return null
      throw error
    }
  },
}

const PYTHON: Verifier = {
  name: 'Python',
  verify: async (log) => {
    const { report } = await verifyInPython(log)
    return report === null ? null : failed(report)
  },
  compare: async (view) => (await compareInPython(view)).comparison?.verdict ?? null,
}

/** Runs the whole matrix by both verifiers. */
export async function benchTamperMatrix(): Promise<{ row: Row; lines: readonly string[] }> {
  const lines: string[] = []
  const totals = { [TYPESCRIPT.name]: tally(), [PYTHON.name]: tally() }
  const verifiers = hasPython() ? [TYPESCRIPT, PYTHON] : [TYPESCRIPT]
  for (const { id, attack, logs, views } of tamperMatrix()) {
    const counts: string[] = []
    for (const verifier of verifiers) {
      const { right, wrong } = await run(verifier, logs, views)
      add(totals[verifier.name], { right, wrong })
      counts.push(`${verifier.name} ${right} of ${right + wrong}`)
    }
    lines.push(`${id.padEnd(4)} ${attack.padEnd(55)} ${counts.join(', ')}`)
  }
  const quiet = untouched()
  const alarms: string[] = []
  for (const verifier of verifiers) {
    const { right, wrong } = await run(verifier, quiet.logs, quiet.views)
    alarms.push(`${verifier.name} ${wrong} of ${right + wrong}`)
    add(totals[verifier.name], { right: 0, wrong })
  }
  lines.push(`false alarms on untouched logs and honest checkpoints: ${alarms.join(', ')}`)
  const all = Object.entries(totals).map(
    ([name, { right, wrong }]) => `${name} ${right} detected, ${wrong} wrong`,
  )
  const row: Row = {
    what: 'tamper matrix T1-T14, T20-T22: exported logs, states, batches and checkpoints, by both verifiers',
    must: '100 % detected by both, by the right checks; 0 false alarms',
    measured: `${all.join('; ')}; false alarms: ${alarms.join(', ')}`,
    command: 'npx node bench/tamper-matrix.ts',
    passed:
      verifiers.length === 2 && Object.values(totals).every(({ right, wrong }) => right > 0 && wrong === 0),
  }
  return { row, lines }
}

async function run(verifier: Verifier, logs: readonly LogCase[], views: readonly ViewCase[]): Promise<Tally> {
  const result = tally()
  const count = (isRight: boolean, name: string): void => {
    if (isRight) result.right += 1
    else result.wrong += 1
    if (!isRight) console.log(`WRONG by ${verifier.name}: ${name}`)
  }
  await forEach(logs, async (log) => {
    const names = await verifier.verify(log)
    count(names !== null && names.toSorted().join() === log.fails.toSorted().join(), log.name)
  })
  await forEach(views, async (view) => count((await verifier.compare(view)) === view.verdict, view.name))
  return result
}

function failed({
  checks,
}: {
  readonly checks: readonly { readonly name: string; readonly ok: boolean }[]
}): string[] {
  return checks.filter(({ ok }) => !ok).map(({ name }) => name)
}

function tally(): Tally {
  return { right: 0, wrong: 0 }
}

function add(total: Tally | undefined, { right, wrong }: Tally): void {
  if (total === undefined) return
  total.right += right
  total.wrong += wrong
}

if (import.meta.main) {
  const { row, lines } = await benchTamperMatrix()
  console.log([...lines, `${row.passed ? 'ok' : 'MISSED'}: ${row.measured}`].join('\n'))
  process.exitCode = row.passed ? 0 : 1
}
