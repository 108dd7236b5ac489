import { createServer } from 'node:net'
import { StartError } from '../errors.ts'

/**
 * StartError when the address cannot be listened on. Asked before anything is opened or created, so that a start that
 * fails on its port has changed nothing.
 */
export async function requireFreePort(host: string, port: number): Promise<void> {
  const probe = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject).listen({ host, port, exclusive: true }, resolve)
    })
  } catch (cause) {
    throw portError(host, port, cause)
  }
  await new Promise((resolve) => probe.close(resolve))
}

/** What to do when an address cannot be listened on. */
export function portError(host: string, port: number, cause: unknown): StartError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
  const help =
    code === 'EADDRINUSE'
      ? 'stop what listens there, or set KEYSTEAD_PORT to another one'
      : 'choose another KEYSTEAD_HOST or KEYSTEAD_PORT'
  return new StartError(`${host}:${port} cannot be listened on (${code}): ${help}.`, { cause })
}
