// Idempotency-Key: draft-ietf-httpapi-idempotency-key-header, with any visible ASCII as the key
import { canonicalJson, type JsonValue } from '@keystead/protocol/canonical-json'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import { DONE_REQUESTS_KEPT_MS, type DoneRequest, type RequestMark } from '../storage/records.ts'

const KEY = /^[!-~]{1,255}$/

/** What a request asks, and who: with the same key it must be the same again. */
export interface Asked {
  readonly callerId: string
  readonly key: string
  readonly operation: string
  readonly input: { readonly params: unknown; readonly query: unknown; readonly body: unknown }
}

/** The key that a client has given its request; null for none. `request.invalid` for what is no key. */
export function idempotencyKeyIn(header: string | string[] | undefined): string | null {
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

  /**
   * What `change` answers, or `repeat` where it has been done. `request.in_progress` while the first one still runs, here
   * or in another process; `request.key_reused` when the first one asked something else.
   */
  async run<T>(
    asked: Asked,
    change: (mark: RequestMark) => Promise<T>,
    repeat: (done: DoneRequest) => Promise<T>,
  ): Promise<{ readonly answer: T; readonly isRepetition: boolean }> {
    const mark = this.#markOf(asked)
    if (this.#running.has(mark.id)) throw new DomainError('request.in_progress')
    this.#running.add(mark.id)
    try {
      const done = await this.#domain.store.reader.doneRequest(mark.id)
      if (done === null || done.at <= mark.at - DONE_REQUESTS_KEPT_MS)
        return { answer: await change(mark), isRepetition: false }
      if (done.content !== mark.content) throw new DomainError('request.key_reused')
      return { answer: await repeat(done), isRepetition: true }
    } finally {
      this.#running.delete(mark.id)
    }
  }

  #markOf({ callerId, key, operation, input }: Asked): RequestMark {
    const { cipher, clock } = this.#domain
    const { params = null, query = null, body = null } = input
    const content = canonicalJson({ operation, params, query, body } as JsonValue)
    return {
      id: cipher.requestMac(canonicalJson({ callerId, key })),
      content: cipher.requestMac(content),
      at: clock(),
    }
  }
}
