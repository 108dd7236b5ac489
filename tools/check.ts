// Everything that a commit must pass: npm run check. The tests take one lane, the static steps the other.
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

interface Step {
  readonly name: string
  readonly command: readonly [string, ...string[]]
}

const root = resolve(import.meta.dirname, '..')
const bin = (name: string): string => resolve(root, 'node_modules/.bin', name)

const steps: readonly Step[] = [
  { name: 'tests', command: [process.execPath, 'tools/test.ts'] },
  { name: 'lint', command: [bin('oxlint'), '--type-aware', '--deny-warnings', '--quiet'] },
  { name: 'types', command: [bin('tsc'), '-p', 'tsconfig.json'] },
  { name: 'format', command: [bin('oxfmt'), '--check'] },
  { name: 'dead code', command: [bin('knip')] },
  { name: 'generated files', command: [process.execPath, 'tools/generate.ts', '--check'] },
]

/** Runs one step, prints its line and, when it failed, its output. */
async function run({ name, command }: Step): Promise<boolean> {
  const started = performance.now()
  const [file, ...args] = command
  const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const output: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => output.push(bytes))
  const ok = await new Promise<boolean>((done) =>
    child.once('error', () => done(false)).once('close', (code) => done(code === 0)),
  )
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(16)} ${seconds(started)}`)
  if (!ok) process.stdout.write(`\n${Buffer.concat(output).toString()}\n`)
  return ok
}

/** Runs the steps, `lanes` of them at a time, and answers the names of those that failed. */
async function runAll(lanes: number): Promise<string[]> {
  const waiting = [...steps]
  const failed: string[] = []
  const lane = async (): Promise<void> => {
    for (let step = waiting.shift(); step; step = waiting.shift())
      if (!(await run(step))) failed.push(step.name)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return failed
}

function seconds(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`
}

const started = performance.now()
const failed = await runAll(2)
console.log(
  failed.length === 0
    ? `check passed in ${seconds(started)}`
    : `check FAILED (${failed.join(', ')}) in ${seconds(started)}`,
)
process.exitCode = failed.length === 0 ? 0 : 1
