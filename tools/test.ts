// The test command: npm test [-- path ...]. Unit tests share one process; tests that start and kill servers run beside it.
import { spawn } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { providePostgres } from './postgres.ts'

const root = resolve(import.meta.dirname, '..')

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** The test files, relative to the root, that lie under or contain one of the filters; all without a filter. */
export function testFiles(folder: string, filters: readonly string[]): string[] {
  const exclude = (name: string): boolean => /(^|\/)(node_modules|dist|data|\.git)$/.test(name)
  const wanted = filters.map((filter) => relative(folder, resolve(folder, filter)))
  return globSync('**/*.test.ts', { cwd: folder, exclude })
    .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
    .sort()
}

/** Sums the counts that node:test's TAP reporter puts at the end; a run without them counts as one failure. */
export function countsOf(tap: string): Counts {
  const count = (name: string): number =>
    Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1] ?? Number.NaN)
  const counts = {
    passed: count('pass'),
    failed: count('fail') + count('cancelled'),
    skipped: count('skipped') + count('todo'),
  }
  return Object.values(counts).some(Number.isNaN) ? { passed: 0, failed: 1, skipped: 0 } : counts
}

/** How one part of the tests is run. */
interface Part {
  readonly files: readonly string[]
  /** For the runner itself. */
  readonly options: readonly string[]
  /** Whether its output waits until `show` is called, so that two parts at a time stay readable. */
  readonly held: boolean
}

async function run(part: Part, env: NodeJS.ProcessEnv): Promise<{ counts: Counts; show: () => void }> {
  if (part.files.length === 0) return { counts: { passed: 0, failed: 0, skipped: 0 }, show: () => undefined }
  const folder = mkdtempSync(join(tmpdir(), 'keystead-test-'))
  const tap = join(folder, 'result.tap')
  const reporters = ['spec', 'stdout', 'tap', tap].map((value, index) =>
    index % 2 === 0 ? `--test-reporter=${value}` : `--test-reporter-destination=${value}`,
  )
  const args = ['--test', ...reporters, ...part.options, ...part.files]
  const output = part.held ? 'pipe' : 'inherit'
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', output, output] })
  const held: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => held.push(chunk))
  const leave = (): void => {
    child.kill()
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', leave)
  const code = await new Promise<number>((done) => child.once('close', (exit) => done(exit ?? 1)))
  process.off('exit', leave)
  const counts = countsOf(existsSync(tap) ? readFileSync(tap, 'utf8') : '')
  rmSync(folder, { recursive: true, force: true })
  return {
    counts: code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts,
    show: () => process.stdout.write(Buffer.concat(held)),
  }
}

async function main(args: readonly string[]): Promise<number> {
  const started = performance.now()
  const files = testFiles(
    root,
    args.filter((arg) => !arg.startsWith('-')),
  )
  const options = args.filter((arg) => arg.startsWith('-'))
  if (files.length === 0) {
    console.error(`no test file matches ${args.join(' ')}`)
    return 1
  }
  const apart = (file: string): boolean => file.startsWith('e2e/')
  const unit = files.filter((file) => !apart(file))
  const vectors = process.env['KEYSTEAD_VECTORS'] ?? resolve(root, '../shared/vectors')
  // A hundred short processes are started: what Node has compiled once need not be compiled again.
  const compiled = join(root, 'node_modules/.cache/node-compile')
  const shared = { NODE_COMPILE_CACHE: compiled, ...process.env, KEYSTEAD_VECTORS: vectors }
  const postgres = await providePostgres()
  const env = { ...shared, ...(postgres ? { KEYSTEAD_TEST_POSTGRES_URL: postgres.url } : {}) }
  const whole = run(
    { files: files.filter(apart), options: ['--test-concurrency=2', ...options], held: true },
    env,
  )
  try {
    const runs = [
      await run({ files: unit, options: ['--test-isolation=none', ...options], held: false }, env),
    ]
    if (files.some(apart)) console.log('waiting for the tests that start and kill servers ...')
    runs.push(await whole)
    for (const { show } of runs) show()
    const sum = (name: keyof Counts): number => runs.reduce((total, { counts }) => total + counts[name], 0)
    console.log(`${files.length} files in ${((performance.now() - started) / 1000).toFixed(1)} s`)
    console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`)
    return sum('failed') === 0 ? 0 : 1
  } finally {
    await postgres?.stop()
  }
}

if (import.meta.main) {
  // Leaving through process.exit runs the exit handlers, which end the tests and PostgreSQL; a signal alone would not.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1))
  process.exitCode = await main(process.argv.slice(2))
}
