/** One output stream. `columns` counts only when it is a terminal. */
export interface Output {
  readonly isTerminal: boolean
  readonly columns: number
  /** Resolves when the text was handed to the system; rejects (EPIPE ...) when it was not. */
  write(text: string): Promise<void>
}

export interface Input {
  readonly isTerminal: boolean
  /** Reads to the end; rejects with a CliFailure beyond `bytesMax`. */
  read(bytesMax: number): Promise<Uint8Array>
}

/** All that a command can reach outside itself; main.ts makes the real one, tests make their own. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Output
  readonly fetch: typeof globalThis.fetch
  /** Epoch milliseconds. */
  now(): number
}
