/**
 * Guarantees that are counted in tests: each row runs its files and says how many passed.
 * Run: node bench/named-tests.ts [conformance | faults]
 */
import { spawnSync } from 'node:child_process'
import { ROOT } from '../e2e/program.ts'
import type { Row } from './report.ts'

interface Suite {
  readonly what: string
  readonly must: string
  /** Parts of paths of test files. */
  readonly files: readonly string[]
}

const SUITES = {
  conformance: {
    what: 'conformance: what other key servers get wrong (T1-T7, T10-T12), as named tests',
    must: 'all pass',
    files: ['packages/server/src/http/operations/conformance'],
  },
  faults: {
    what: 'every statement (SQLite, PostgreSQL) and call of the keystore of every operation that changes something, and every call of the file system, fails once',
    must: 'nothing half done; a clear error; the next call works',
    files: ['packages/server/src/http/faults', 'packages/server/src/file-faults'],
  },
} as const satisfies Record<string, Suite>

/** Runs a suite in its long form. */
export async function benchNamedTests(
  name: keyof typeof SUITES,
): Promise<{ row: Row; lines: readonly string[] }> {
  const { what, must, files } = SUITES[name]
  const run = spawnSync(process.execPath, ['tools/test.ts', ...files], {
    cwd: ROOT,
    env: { ...process.env, KEYSTEAD_TEST_LONG: '1' },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  const counts = /^\d+ passed, \d+ failed, \d+ skipped$/m.exec(run.stdout)?.[0] ?? 'no result'
  const passed = run.status === 0 && counts.endsWith(' 0 failed, 0 skipped')
  return {
    lines: passed ? [] : run.stdout.split('\n').filter((line) => line.startsWith('✖')),
    row: { what, must, measured: counts, command: `npx node bench/named-tests.ts ${name}`, passed },
  }
}

if (import.meta.main) {
  const names = process.argv.slice(2)
  for (const name of Object.keys(SUITES) as (keyof typeof SUITES)[]) {
    if (names.length > 0 && !names.includes(name)) continue
    const { row, lines } = await benchNamedTests(name)
    console.log([...lines, `${name}: ${row.measured}`].join('\n'))
    if (!row.passed) process.exitCode = 1
  }
}
