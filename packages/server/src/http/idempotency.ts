// Idempotency-Key: draft-ietf-httpapi-idempotency-key-header, with any visible ASCII as the key
import { canonicalJson, type JsonValue } from '@keystead/protocol/canonical-json'
import type { IncomingHttpHeaders } from 'node:http'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import { DONE_REQUESTS_KEPT_MS, type DoneRequest, type RequestMark } from '../storage/records.ts'
import type { Input } from './operation.ts'

const KEY = /^[!-~]{1,255}$/

export interface Answered {
  readonly answer: unknown
  readonly isRepetition: boolean
}

/** The key that a client has given its request; null for none. `request.invalid` for what is no key. */
function idempotencyKeyIn(header: string | string[] | undefined): string | null {
  if (header === undefined) return null
  if (typeof header === 'string' && KEY.test(header)) return header
  const message = 'must be 1 to 255 visible ASCII characters, new for each change'
  throw new DomainError('request.invalid', null, { errors: [{ path: '/headers/idempotency-key', message }] })
}

/**
 * Lets a change that was asked for with a key happen once: the mark is stored with the change, in its transaction, and a
 * repetition within a day is answered from what was changed. A failed request leaves no mark and may be tried again.
 */
export class ChangesOnce {
  readonly #domain: Pick<Domain, 'store' | 'clock' | 'cipher'>
  readonly #running = new Set<string>()

  constructor(domain: Pick<Domain, 'store' | 'clock' | 'cipher'>) {
    this.#domain = domain
  }

  /** By what a request is known again; null without a key, and for what may simply be done again. */
  markOf(
    { headers }: { readonly headers: IncomingHttpHeaders },
    { id, repeat }: { readonly id: string; readonly repeat: unknown },
    callerId: string,
    { params = null, query = null, body = null }: Input,
  ): RequestMark | null {
    if (typeof repeat !== 'function') return null
    const key = idempotencyKeyIn(headers['idempotency-key'])
    if (key === null) return null
    const { cipher, clock } = this.#domain
    return {
      id: cipher.requestMac(canonicalJson({ callerId, key })),
      content: cipher.requestMac(canonicalJson({ operation: id, params, query, body } as JsonValue)),
      at: clock(),
    }
  }

  /**
   * What `change` answers, or `repeat` where it has been done. `request.in_progress` while the first one still runs, here
   * or in another process; `request.key_reused` when the first one asked something else.
   */
  async run(
    mark: RequestMark,
    change: () => Promise<unknown>,
    repeat: (done: DoneRequest) => Promise<unknown>,
  ): Promise<Answered> {
    if (this.#running.has(mark.id)) throw new DomainError('request.in_progress')
    this.#running.add(mark.id)
    try {
      const done = await this.#domain.store.reader.doneRequest(mark.id)
      if (done === null || done.at <= mark.at - DONE_REQUESTS_KEPT_MS)
        return { answer: await change(), isRepetition: false }
      if (done.content !== mark.content) throw new DomainError('request.key_reused')
      return { answer: await repeat(done), isRepetition: true }
    } finally {
      this.#running.delete(mark.id)
    }
  }
}
