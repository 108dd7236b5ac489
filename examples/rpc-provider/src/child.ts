import { spawn, type ChildProcess } from 'node:child_process'

export type ChildCommand = {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string
  readonly env: NodeJS.ProcessEnv
  /** The line on standard output that says the program is ready. Its groups are returned. */
  readonly ready: RegExp
}

/** A program that was started, ready or not. */
export type Child = {
  /** Ends it and resolves when it is gone. May be called twice. */
  readonly stop: () => Promise<void>
  /** Ends it at once and does not wait: for a process that is itself about to end. */
  readonly kill: () => void
}

/** A cold start on a slow disk takes a second or two. */
const READY_TIMEOUT_MS = 15_000
/** Programs that have not ended this long after SIGTERM are killed. */
const STOP_TIMEOUT_MS = 3_000
/** How much output is kept to look for the ready line and to explain a failure. */
const OUTPUT_CHARS_MAX = 16_384

/**
 * Starts a program and waits, at most 15 s, until it prints its ready line; returns the match. `own` gets the program
 * before it is ready, so that it can be ended in the meantime. Rejects with the end of what it printed when it ends
 * before that or takes too long; then nothing is left running.
 */
export async function startChild(
  command: ChildCommand,
  own: (child: Child) => void,
): Promise<RegExpExecArray> {
  const child = spawn(command.command, command.args, {
    cwd: command.cwd,
    env: command.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  own({ stop: () => stop(child), kill: () => void child.kill('SIGKILL') })
  try {
    return await readyLine(child, command)
  } catch (error) {
    await stop(child)
    throw error
  }
}

function readyLine(child: ChildProcess, { name, ready }: ChildCommand): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let output = ''
    const fail = (what: string): void => {
      clearTimeout(timer)
      reject(new Error(`${name} ${what}${output === '' ? '' : `:\n${output.trimEnd()}`}`))
    }
    const timer = setTimeout(() => fail(`was not ready within ${READY_TIMEOUT_MS} ms`), READY_TIMEOUT_MS)
    const read = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-OUTPUT_CHARS_MAX)
      const match = ready.exec(output)
      if (match === null) return
      clearTimeout(timer)
      resolve(match)
    }
    // Both stay attached: a program whose output nobody reads stops when the pipe is full.
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('error', (error) => fail(`could not be started (${error.message})`))
    child.once('exit', (code, signal) => fail(`ended with ${signal ?? `exit code ${code}`}`))
  })
}

function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    child.kill('SIGTERM')
  })
}
