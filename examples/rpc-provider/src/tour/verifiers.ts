import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Run, run } from '../run.ts'
import { foreignEnv, repository } from './world.ts'

/** A program that checks an exported log without asking the server. */
export type Verifier = {
  readonly language: string
  /** What runs, as a person would say it. */
  readonly name: string
  readonly verify: (folder: string, trustFile: string) => Promise<Run>
}

const PYTHON_SAYS = 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 9))'

/** Runs the `keystead` command. `env` names server and credential. */
export function runCli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const bin = join(repository, 'packages', 'cli', 'bin', 'keystead.mjs')
  return run(process.execPath, [bin, ...args], {
    cwd: repository,
    env: { ...foreignEnv(process.env), ...env },
  })
}

/** The verifier in the command line tool. */
export const typescriptVerifier: Verifier = {
  language: 'TypeScript',
  name: 'keystead audit verify',
  verify: (folder, trustFile) => runCli(['audit', 'verify', folder, '--trust', trustFile]),
}

/** The independent verifier (standard library and openssl), or why it cannot run on this machine. */
export async function findPythonVerifier(): Promise<Verifier | { readonly missing: string }> {
  const cwd = join(repository, 'python')
  if (!existsSync(join(cwd, 'keystead_audit'))) return { missing: 'python/keystead_audit is not here' }
  const env = foreignEnv(process.env)
  const python = await run('python3', ['-c', PYTHON_SAYS], { cwd, env })
  if (python.exitCode === 127) return { missing: 'there is no python3' }
  if (python.exitCode !== 0) return { missing: `Python 3.9 is needed, this is ${python.output.trim()}` }
  const openssl = await run('openssl', ['version'], { cwd, env })
  if (openssl.exitCode !== 0) return { missing: 'there is no openssl' }
  const version = /^OpenSSL (\d+)\.[\d.]+/.exec(openssl.output)
  if (version === null || Number(version[1]) < 3)
    return { missing: `OpenSSL 3 is needed, this is ${openssl.output.trim()}` }
  return {
    language: 'Python',
    name: `Python ${python.output.trim()}, ${version[0]}`,
    verify: (folder, trustFile) =>
      run('python3', ['-B', '-m', 'keystead_audit', 'verify', folder, '--trust', trustFile], { cwd, env }),
  }
}
