import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { join } from 'node:path'

/** The root of the repository. */
export const ROOT = join(import.meta.dirname, '..')
const SERVER = join(ROOT, 'packages/server/src/main.ts')
/** A start takes below 2 s; a loaded machine may take longer, a broken start must still end. */
const START_MS_MAX = 30_000
/** Enough of its standard error for a few lines of the log and a stack. */
const LAST_WORDS_MAX = 4_000

export interface Launch {
  readonly script: string
  /** Options of Node itself, before the script. */
  readonly nodeOptions?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** The processor core that it must stay on; left out: any. */
  readonly core?: number
  /** What a line of its output looks like when it is ready; the first group is the answer of `ready`. */
  readonly readyPattern: RegExp
  /** With a channel for messages. */
  readonly ipc?: boolean
  /** How long it may take to be ready. */
  readonly startMsMax?: number
}

/** A Node program that this process has started, and nobody else's. */
export interface Program {
  readonly child: ChildProcess
  readonly pid: number
  /** What its ready line said; rejects, with its last words, when it ends before. */
  readonly ready: Promise<string>
  /** Its exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>
  /** Whether it has ended by now, and how, and its last words on standard error. */
  state(): string
  /** SIGTERM or SIGKILL; resolves when it is gone. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** Starts a program on the Node that runs this one. */
export function launch(options: Launch): Program {
  const node = [process.execPath, ...(options.nodeOptions ?? []), options.script, ...(options.args ?? [])]
  const [file = '', ...args] =
    options.core === undefined ? node : ['taskset', '-c', String(options.core), ...node]
  const child = spawn(file, args, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', ...(options.ipc === true ? ['ipc' as const] : [])],
  })
  // Whoever ends early leaves nothing running.
  const endWithParent = (): boolean => child.kill('SIGKILL')
  process.once('exit', endWithParent)
  const exited = new Promise<number | null>((done) => {
    child.once('error', () => done(1))
    child.once('exit', (code) => {
      process.off('exit', endWithParent)
      done(code)
    })
  })
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-LAST_WORDS_MAX)
  })
  const lastWords = (): string => errors.trim()
  const ready = readyLine(child, options, lastWords)
  // Whoever kills it during its start does not want to hear that it did not get ready.
  ready.catch(() => undefined)
  return {
    child,
    pid: child.pid ?? 0,
    ready,
    exited,
    state() {
      const ending = child.signalCode ?? child.exitCode
      return `${ending === null ? 'it runs' : `it ended with ${ending}`}: ${lastWords()}`
    },
    async end(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await exited
    },
  }
}

/**
 * As `npm start` does it: the young generation of the heap may not grow to 128 MB while the keys are read, and what Node
 * has compiled once is not compiled again.
 */
const SERVER_OPTIONS = ['--max-semi-space-size=16']
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/node-compile')

/** Starts the server on a data folder; `ready` answers with its address, `http://127.0.0.1:PORT`. */
export function launchServer(
  dataDir: string,
  options: Pick<Launch, 'nodeOptions' | 'core' | 'env' | 'startMsMax'> = {},
): Program {
  return launch({
    ...options,
    script: SERVER,
    nodeOptions: [...SERVER_OPTIONS, ...(options.nodeOptions ?? [])],
    env: {
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      ...options.env,
      KEYSTEAD_DATA_DIR: dataDir,
      KEYSTEAD_PORT: '0',
    },
    readyPattern: /^keystead ready on (http:\/\/\S+)$/m,
  })
}

function readyLine(
  child: ChildProcess,
  { readyPattern, startMsMax = START_MS_MAX }: Pick<Launch, 'readyPattern' | 'startMsMax'>,
  lastWords: () => string,
): Promise<string> {
  return new Promise((done, failed) => {
    let output = ''
    const overdue = setTimeout(() => failed(new Error(`not ready in time: ${lastWords()}`)), startMsMax)
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-10_000)
      const found = readyPattern.exec(output)
      if (found === null) return
      clearTimeout(overdue)
      done(found[1] ?? '')
    })
    child.once('close', (code, signal) => {
      clearTimeout(overdue)
      failed(new Error(`ended with ${signal ?? code} before it was ready: ${lastWords()}`))
    })
  })
}

const COMMAND_LINE = join(ROOT, 'packages/cli/bin/keystead.mjs')

/** Runs the command line to its end. */
export function keystead(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const options = {
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    maxBuffer: OUTPUT_BYTES_MAX,
  }
  return new Promise((done) => {
    const child = execFile(process.execPath, [COMMAND_LINE, ...argv], options, (_error, out, err) =>
      done({ code: child.exitCode, out, err }),
    )
  })
}

/** A report of a wholly wrong log has a hundred problems per check. */
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024
