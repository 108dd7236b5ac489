/**
 * The third-party vectors, by TypeScript and by Python: Merkle proofs (196), tessera-log (checkpoints and tiles), JCS.
 * Run: node bench/vectors.ts [DIR], where DIR or KEYSTEAD_VECTORS is the folder that holds them (default ../shared/vectors).
 */
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { ROOT } from '../e2e/program.ts'
import type { Row } from './report.ts'

const SUITES = ['merkle', 'checkpoint', 'tiles', 'canonical-json'].map(
  (name) => `packages/protocol/src/${name}.test.ts`,
)

/** Runs both; a missing folder is a failure, not a skip. */
export function benchVectors(folder: string): { row: Row; lines: readonly string[] } {
  const env = { ...process.env, KEYSTEAD_VECTORS: folder, CI: 'true', PYTHONPATH: join(ROOT, 'python') }
  const run = (command: string, args: readonly string[]) =>
    spawnSync(command, args, { cwd: ROOT, env, encoding: 'utf8', timeout: 120_000 })
  const typescript = run(process.execPath, [
    '--test',
    '--test-isolation=none',
    '--test-reporter=tap',
    ...SUITES,
  ])
  const python = run('python3', ['-m', 'keystead_audit', 'vectors', folder])
  const passed = /^# pass (\d+)$/m.exec(typescript.stdout)?.[1] ?? '0'
  const failed = /^# fail (\d+)$/m.exec(typescript.stdout)?.[1] ?? 'all'
  const counts = python.stdout.trim().split('\n').join('; ')
  const row: Row = {
    what: 'Merkle vectors (196), tessera-log (16 checkpoints), JCS, by TypeScript and by Python',
    must: 'all pass',
    measured: `TypeScript: ${passed} tests passed, ${failed} failed; Python: ${counts}`,
    command: 'npx node bench/vectors.ts',
    passed: typescript.status === 0 && python.status === 0,
  }
  return { row, lines: [row.measured, python.stderr.trim()] }
}

/** Where the vectors are: the argument, else the environment, else beside the checkout. */
export function vectorsFolder(argument: string | undefined): string {
  return resolve(ROOT, argument ?? process.env['KEYSTEAD_VECTORS'] ?? '../shared/vectors')
}

if (import.meta.main) {
  const { row } = benchVectors(vectorsFolder(process.argv[2]))
  console.log(`${row.passed ? 'ok' : 'MISSED'}: ${row.measured}`)
  process.exitCode = row.passed ? 0 : 1
}
