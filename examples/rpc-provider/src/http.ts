import { request, type Agent, type IncomingMessage } from 'node:http'

/** One answer, read whole. */
export type HttpAnswer = { readonly status: number; readonly body: Buffer }

export type HttpCall = {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Silence on the connection, in ms, after which the call fails. */
  readonly timeoutMs: number
  /** Send once more when a kept-alive connection turns out to have been closed. Only for calls that may run twice. */
  readonly repeatable?: boolean
}

/** 16 MiB: an `eth_getLogs` answer over a few thousand blocks fits; a runaway upstream does not. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024

/** Thrown when a body is longer than its bound. */
export class BodyTooLargeError extends Error {
  override name = 'BodyTooLargeError'
}

/**
 * Makes one HTTP call over the agent's connections and reads the answer, at most 16 MiB.
 * Rejects when there is no complete answer: closed port, timeout, cut connection, too long. Any status is an answer.
 */
export async function send(agent: Agent, call: HttpCall): Promise<HttpAnswer> {
  try {
    return await sendOnce(agent, call)
  } catch (error) {
    if (call.repeatable === true && error instanceof StaleConnectionError) return await sendOnce(agent, call)
    throw error
  }
}

/** Reads a body of at most `bytesMax` bytes. Rejects with BodyTooLargeError as soon as it is longer. */
export async function readBody(message: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bytesMax) throw new BodyTooLargeError(`more than ${bytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** A kept-alive connection that the other side had already closed: nothing was answered. */
class StaleConnectionError extends Error {
  override name = 'StaleConnectionError'
}

function sendOnce(agent: Agent, call: HttpCall): Promise<HttpAnswer> {
  const body = call.body === undefined ? undefined : Buffer.from(call.body)
  const headers: Record<string, string | number> = { ...call.headers }
  if (body !== undefined) {
    headers['content-type'] = 'application/json'
    headers['content-length'] = body.length
  }
  return new Promise((resolve, reject) => {
    const outgoing = request(call.url, { agent, method: call.method, headers, timeout: call.timeoutMs })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${call.timeoutMs} ms`)))
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const stale = outgoing.reusedSocket && error.code === 'ECONNRESET'
      reject(stale ? new StaleConnectionError('the connection was closed', { cause: error }) : error)
    })
    outgoing.on('response', (message) => {
      readBody(message, ANSWER_BYTES_MAX).then(
        (read) => resolve({ status: message.statusCode ?? 0, body: read }),
        reject,
      )
    })
    outgoing.end(body)
  })
}
