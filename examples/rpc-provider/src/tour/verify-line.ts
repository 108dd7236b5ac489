// HTTP/1.1 (RFC 9112), as much of it as one fixed request over one kept-alive connection needs.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** One connection that asks the same question again and again. */
export type VerifyLine = {
  /** Resolves with the body of the answer. One call at a time. Rejects unless it is a complete 200. */
  readonly verify: () => Promise<string>
  readonly close: () => void
}

/** Far above any verification; only ends a burst against a server that hangs. */
const ANSWER_TIMEOUT_MS = 5_000
const ANSWER_CHARS_MAX = 64 * 1024

/**
 * Opens a connection for `POST /v1/keys:verify` with the given caller and body. It writes bytes that were made once and
 * looks only for the end of the answer, because node's HTTP client costs more than the verification that it would time.
 */
export async function connectVerifyLine(url: string, callerKey: string, body: string): Promise<VerifyLine> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  const head = [
    'POST /v1/keys:verify HTTP/1.1',
    `host: ${hostname}:${port}`,
    `authorization: Bearer ${callerKey}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  const request = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
  return { verify: () => ask(socket, request), close: () => socket.destroy() }
}

function ask(socket: Socket, request: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const end = (settle: () => void): void => {
      socket.off('data', read).off('error', fail).off('close', fail).off('timeout', fail)
      settle()
    }
    const fail = (error?: Error | boolean): void => {
      const cause = error instanceof Error ? { cause: error } : {}
      end(() => reject(new Error('the connection ended without an answer', cause)))
    }
    const read = (chunk: Buffer): void => {
      text += chunk.toString('latin1')
      const body = completeBody(text)
      if (body === undefined && text.length < ANSWER_CHARS_MAX) return
      const good = body !== undefined && text.startsWith('HTTP/1.1 200 ')
      end(() => (good ? resolve(body) : reject(new Error(`not a complete 200: ${text.slice(0, 300)}`))))
    }
    socket.on('data', read).on('error', fail).on('close', fail).on('timeout', fail)
    socket.setTimeout(ANSWER_TIMEOUT_MS)
    socket.write(request)
  })
}

/** The body once all of it is there, by its content-length. */
function completeBody(text: string): string | undefined {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, headEnd))?.[1]
  const body = text.slice(headEnd + 4)
  return length !== undefined && body.length >= Number(length) ? body : undefined
}
