import { readKeyFile } from './connection.ts'
import { usageFailure } from './failure.ts'
import type { Invocation, OptionSpec } from './command.ts'

/** Options of the commands that take a key to look at. */
export const KEY_INPUT_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  'key-file': {
    type: 'text',
    placeholder: 'FILE',
    help: 'file that holds the key (default: standard input)',
  },
}

// Longer than any key: enough to say "this is no key" for whatever else was piped in.
const KEY_INPUT_BYTES_MAX = 4096

/** The key from --key-file or standard input, without surrounding white space. Never from an argument. */
export async function readKeyInput({ world, values }: Invocation): Promise<string> {
  const path = values.text('key-file')
  if (path !== undefined) {
    const { text, warning } = await readKeyFile(path)
    if (warning !== null) await world.stderr.write(`warning: ${warning}\n`)
    return text
  }
  if (world.stdin.isTerminal) {
    throw usageFailure('the key is read from a file or a pipe, not typed: use --key-file FILE, or ... < FILE')
  }
  const text = new TextDecoder().decode(await world.stdin.read(KEY_INPUT_BYTES_MAX)).trim()
  if (text === '') throw usageFailure('standard input is empty: it should hold the key')
  return text
}
