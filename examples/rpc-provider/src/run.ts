import { spawn } from 'node:child_process'

/** How a program ended, and what it printed (standard output, then standard error). */
export type Run = { readonly exitCode: number; readonly output: string }

const RUN_TIMEOUT_MS = 30_000
const OUTPUT_CHARS_MAX = 64 * 1024

/**
 * Runs a program to its end, at most `timeoutMs` (30 s), in the folder `cwd`. A program that cannot be started has
 * exit code 127, one that was killed 128.
 */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly timeoutMs?: number },
): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? RUN_TIMEOUT_MS,
    })
    const printed = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (chunk: Buffer) => {
        printed[name] = (printed[name] + chunk.toString('utf8')).slice(-OUTPUT_CHARS_MAX)
      })
    }
    child.once('error', (error) => resolve({ exitCode: 127, output: error.message }))
    child.once('close', (code) => resolve({ exitCode: code ?? 128, output: printed.stdout + printed.stderr }))
  })
}
