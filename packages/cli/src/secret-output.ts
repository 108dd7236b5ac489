import { type FileHandle, open, rm } from 'node:fs/promises'
import { CliFailure, EXIT, refusal, systemCode, usageFailure } from './failure.ts'
import { toJson } from './json.ts'
import type { OptionSpec } from './command.ts'
import type { World } from './world.ts'

/** Options of the commands whose answer holds a new secret. */
export const SECRET_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  'secret-file': {
    type: 'text',
    placeholder: 'PATH',
    help: 'write the new key to this new file (mode 0600)',
  },
  show: { type: 'flag', help: 'print the new key on this terminal' },
}

/** Where a new secret goes: decided before the server is asked to make one. */
export type SecretPlan = 'file' | 'pipe' | 'json' | 'terminal'

/**
 * Decides where a new secret may go: to a file that was named, to a pipe, or to a terminal only when asked for.
 * Usage failure with the three ways otherwise.
 */
export function planSecret(choice: {
  readonly secretFile: string | undefined
  readonly show: boolean
  readonly json: boolean
  readonly stdoutIsTerminal: boolean
}): SecretPlan {
  if (choice.secretFile !== undefined) {
    if (choice.show) throw usageFailure('--secret-file and --show exclude each other')
    return 'file'
  }
  if (choice.stdoutIsTerminal && !choice.show) {
    throw usageFailure(
      'this makes a key that is shown only once, and a terminal keeps what it shows. Nothing was changed. Choose one:\n' +
        '  --secret-file PATH   write it to a new file (mode 0600)\n' +
        '  ... | program        hand it to another program through a pipe\n' +
        '  --show               print it here',
    )
  }
  if (choice.json) return 'json'
  return choice.stdoutIsTerminal ? 'terminal' : 'pipe'
}

/**
 * A new file (O_EXCL, 0600) that waits for its secret. It is made before the server is called, so that a path that
 * cannot be written costs no key. Dispose removes it unless `keep` succeeded.
 */
class SecretFile {
  readonly path: string
  readonly #file: FileHandle
  #kept = false

  private constructor(path: string, file: FileHandle) {
    this.path = path
    this.#file = file
  }

  /** Usage failure when the file exists or cannot be made. */
  static async reserve(path: string): Promise<SecretFile> {
    try {
      return new SecretFile(path, await open(path, 'wx', 0o600))
    } catch (error) {
      const code = systemCode(error)
      const why =
        code === 'EEXIST' ? 'it exists, and a secret never overwrites a file' : (code ?? 'unknown error')
      throw usageFailure(`cannot make --secret-file ${path}: ${why}. Nothing was changed`)
    }
  }

  /** Writes the secret and a line feed and waits until it is on disk. */
  async keep(secret: string): Promise<void> {
    await this.#file.writeFile(`${secret}\n`)
    await this.#file.sync()
    this.#kept = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
    if (!this.#kept) await rm(this.path, { force: true })
  }
}

/** One command that makes a secret: `ask` calls the server, the rest is what is shown. */
export interface SecretDelivery {
  readonly world: World
  readonly plan: SecretPlan
  readonly secretFile: string | undefined
  /** Returns the API's answer with the `secret` in it. */
  ask(): Promise<Readonly<Record<string, unknown>>>
  /** The human part, without the secret. */
  describe(answer: Readonly<Record<string, unknown>>): string
  readonly json: boolean
}

/** Calls the server and brings the secret to where `plan` says; says which key to revoke when that fails. */
export async function deliverSecret(delivery: SecretDelivery): Promise<void> {
  const { world, plan, secretFile } = delivery
  await using file = plan === 'file' && secretFile !== undefined ? await SecretFile.reserve(secretFile) : null
  const answer = await delivery.ask()
  const { secret, secretAvailable, ...rest } = answer
  const human = `${delivery.describe(rest)}\n`
  if (secretAvailable === false)
    throw refusal(`${human}it was made, but the answer with its secret was lost on its way: rotate the key`)
  if (typeof secret !== 'string') throw refusal('the server did not return a secret')
  try {
    if (file !== null) await file.keep(secret)
    else if (plan === 'json') await world.stdout.write(`${toJson({ ...rest, secret })}\n`)
    else if (plan === 'pipe') await world.stdout.write(`${secret}\n`)
  } catch (error) {
    throw new CliFailure(
      EXIT.refused,
      `${human}its secret could not be delivered (${systemCode(error) ?? 'unknown error'}) and is lost: revoke or rotate the key`,
      { cause: error },
    )
  }
  if (file !== null && delivery.json) {
    await world.stdout.write(`${toJson({ ...rest, secretFile: file.path })}\n`)
  } else if (file !== null) {
    await world.stdout.write(`${human}secret written to ${file.path} (mode 0600); it cannot be shown again\n`)
  } else if (plan === 'terminal') {
    await world.stdout.write(`${human}secret (shown only now):\n${secret}\n`)
  } else if (plan === 'pipe') {
    await world.stderr.write(human)
  }
}
