import { runCli } from './cli.ts'
import { COMMANDS } from './commands.ts'
import { CliFailure, EXIT, systemCode } from './failure.ts'
import type { Output, World } from './world.ts'

/** The binary: the only place of this package that touches `process`. Sets the exit code and returns. */
export async function main(): Promise<void> {
  // A reader that went away (keystead keys list | head) is told by the failing write, not by a crash.
  process.stdout.on('error', ignore)
  process.stderr.on('error', ignore)
  const world: World = {
    env: process.env,
    stdin: { isTerminal: process.stdin.isTTY === true, read: readStdin },
    stdout: output(process.stdout),
    stderr: output(process.stderr),
    fetch: globalThis.fetch,
    now: () => Date.now(),
  }
  try {
    process.exitCode = await runCli(COMMANDS, process.argv.slice(2), world)
  } catch (error) {
    if (systemCode(error) !== 'EPIPE') throw error
    process.exitCode = EXIT.ok
  }
}

/** The write's own rejection reports the error; the stream's event would only end the process. */
function ignore(): void {
  return undefined
}

function output(stream: NodeJS.WriteStream): Output {
  return {
    isTerminal: stream.isTTY === true,
    // 80 columns where a terminal does not say: what every terminal has.
    columns: stream.columns ?? 80,
    write: (text) =>
      new Promise((resolve, reject) => {
        stream.write(text, (error) => (error ? reject(error) : resolve()))
      }),
  }
}

async function readStdin(bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of process.stdin) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : new Uint8Array(chunk as Uint8Array)
    size += bytes.length
    if (size > bytesMax)
      throw new CliFailure(
        EXIT.usage,
        `standard input is longer than ${bytesMax} bytes: it should hold one key`,
      )
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}
