import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Child, startChild } from './child.ts'

/** The npm package that carries anvil's binary, by platform and processor. */
const PACKAGES: ReadonlyMap<string, string> = new Map([['linux-x64', '@foundry-rs/anvil-linux-amd64']])

/** The path of anvil's binary, or undefined where there is none for this platform or it is not installed. */
export function findAnvil(): string | undefined {
  const name = PACKAGES.get(`${process.platform}-${process.arch}`)
  if (name === undefined) return undefined
  try {
    const path = join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin', 'anvil')
    return existsSync(path) ? path : undefined
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

/**
 * Starts a chain of its own (id 31337, a block per transaction) on a free port of 127.0.0.1. It has no accounts: whoever
 * wants to send makes a key and funds it with `anvil_setBalance`. `home` is a folder that anvil may write into; `own`
 * gets the program as soon as it runs. Returns the chain's address.
 */
export async function startAnvil(binary: string, home: string, own: (child: Child) => void): Promise<string> {
  const command = {
    name: 'anvil',
    command: binary,
    // Not --silent: the port that the system chose is only said in the greeting.
    args: ['--host', '127.0.0.1', '--port', '0', '--accounts', '0', '--mnemonic-random', '--color', 'never'],
    env: { HOME: home, PATH: process.env['PATH'] },
    ready: /Listening on (127\.0\.0\.1:\d+)/,
  }
  const match = await startChild(command, own)
  return `http://${match[1]}`
}
