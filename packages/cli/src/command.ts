import type { Client } from './client.ts'
import type { ExitCode } from './failure.ts'
import type { Values } from './values.ts'
import type { World } from './world.ts'

/** An option of a command. `text` takes one value, `list` may be repeated, `flag` takes none. */
export interface OptionSpec {
  readonly type: 'text' | 'list' | 'flag'
  readonly placeholder?: string
  readonly help: string
  readonly required?: boolean
}

export interface PositionalSpec {
  readonly name: string
  readonly help: string
  readonly optional?: boolean
}

/** What a command's `run` gets. */
export interface Invocation {
  readonly world: World
  readonly values: Values
  readonly json: boolean
  /** Connects with the credential; reads its file on the first call. */
  authenticated(): Promise<Client>
  /** Connects without a credential. */
  anonymous(): Client
  /** Prints the API's answer with --json, else the text (a trailing newline is added). */
  present(answer: unknown, human: () => string): Promise<void>
}

/** One row of the command table: parsing, help and completeness tests are generated from it. */
export interface Command {
  readonly path: readonly string[]
  readonly summary: string
  /** Operations of the API that this command stands for; none for offline commands. */
  readonly operations: readonly string[]
  readonly positionals?: readonly PositionalSpec[]
  readonly options: Readonly<Record<string, OptionSpec>>
  readonly notes?: readonly string[]
  readonly examples: readonly string[]
  run(invocation: Invocation): Promise<ExitCode>
}
