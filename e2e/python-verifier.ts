/** The Python verifier, as an auditor starts it. */
import { execFile, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Comparison } from '@keystead/protocol/audit-comparison'
import type { AuditReport } from '@keystead/protocol/audit-report'
import type { ViewCase } from '../packages/protocol/src/split-views.test-support.ts'
import type { LogCase } from '../packages/protocol/src/tampered-logs.test-support.ts'
import { ROOT } from './program.ts'

export interface PythonResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

// An export of a few hundred events takes a fifth of a second; a loaded machine may take longer.
const RUN_MS_MAX = 60_000
// Each run starts Python and openssl; two at a time keep two cores busy.
const RUNS_AT_ONCE = 2

/** Whether this machine has what the verifier needs. */
export function hasPython(): boolean {
  return succeeds('python3', '--version') && succeeds('openssl', 'version')
}

export function python(...argv: string[]): Promise<PythonResult> {
  // No bytecode: the tests leave no files in the source tree.
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  return new Promise((done) => {
    const child = execFile(
      'python3',
      argv,
      { cwd: join(ROOT, 'python'), env, timeout: RUN_MS_MAX },
      (_error, stdout, stderr) => {
        done({ code: child.exitCode, stdout, stderr })
      },
    )
  })
}

/** What it says of an export; null when it could not verify it at all. */
export async function verifyInPython(
  log: LogCase,
): Promise<{ code: number | null; report: AuditReport | null }> {
  return inFolder(async (folder) => {
    await writeFiles(join(folder, 'export'), log.files)
    await writeFile(join(folder, 'policy'), log.trust)
    if (log.since !== null) await writeFile(join(folder, 'since'), log.since)
    const since = log.since === null ? [] : ['--since', join(folder, 'since')]
    const { code, stdout } = await python(
      ...[
        '-m',
        'keystead_audit',
        'verify',
        join(folder, 'export'),
        '--trust',
        join(folder, 'policy'),
        '--json',
      ],
      ...since,
    )
    return { code, report: stdout === '' ? null : (JSON.parse(stdout) as AuditReport) }
  })
}

/** What it says of two checkpoints; null when it could not compare them. */
export async function compareInPython(
  view: ViewCase,
): Promise<{ code: number | null; comparison: Comparison | null }> {
  return inFolder(async (folder) => {
    const more: string[] = []
    for (const [at, note] of view.notes.entries()) await writeFile(join(folder, `note-${at}`), note)
    await writeFile(join(folder, 'policy'), view.trust)
    if (view.files !== null) {
      await writeFiles(join(folder, 'export'), view.files)
      more.push('--log', join(folder, 'export'))
    }
    if (view.proof !== null) {
      const proof = view.proof.map((hash) => Buffer.from(hash).toString('base64'))
      await writeFile(join(folder, 'proof'), JSON.stringify({ proof }))
      more.push('--proof', join(folder, 'proof'))
    }
    const { code, stdout } = await python(
      ...['-m', 'keystead_audit', 'compare', join(folder, 'note-0'), join(folder, 'note-1')],
      ...['--trust', join(folder, 'policy'), '--json', ...more],
    )
    return { code, comparison: stdout === '' ? null : (JSON.parse(stdout) as Comparison) }
  })
}

/** What two independent verifiers must agree on to the letter; the wording of details is each one's own. */
export function agreed({ ok, origin, size, root, checks }: AuditReport) {
  const results = checks.map(({ name, ok: passed, problems, problemCount }) => ({
    name,
    passed,
    problemCount,
    positions: problems.map(({ position }) => position),
  }))
  return { ok, origin, size, root, results }
}

/** Runs `work` on each, a few at a time. */
export async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: RUNS_AT_ONCE }, worker))
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'keystead-python-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function writeFiles(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), bytes)
  }
}

function succeeds(command: string, ...argv: string[]): boolean {
  return spawnSync(command, argv, { stdio: 'ignore' }).status === 0
}
