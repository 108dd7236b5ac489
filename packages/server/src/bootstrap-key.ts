import { join } from 'node:path'
import type { Secret } from './secret.ts'
import { replaceFile } from './write-file.ts'

const FILE = 'bootstrap-key'

/**
 * Shows the bootstrap root key on a terminal, and nowhere else; without a terminal it goes into `bootstrap-key` in the
 * data folder (0600), and only the place is printed: output that is not a terminal ends in logs (T-11).
 */
export function handOver(
  secret: Secret<string>,
  dataDir: string,
  output: { readonly isTTY?: boolean; write(text: string): unknown },
): void {
  if (output.isTTY === true) {
    output.write(
      `\nBootstrap root key, shown this once (put it into a file that only you can read):\n\n  ${secret.reveal()}\n\n`,
    )
    return
  }
  const path = join(dataDir, FILE)
  replaceFile(path, `${secret.reveal()}\n`)
  output.write(`bootstrap root key written to ${path}\n`)
}
