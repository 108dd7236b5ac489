import type { Decision } from '@keystead/protocol/decision'
import type { IncomingMessage } from 'node:http'
import type { Static } from 'typebox'
import { bearerOf } from '../../../access/bearer.ts'
import { DomainError } from '../../../errors.ts'
import { NO_DEMAND } from '../../operation.ts'
import { parseStrictJson } from '../../strict-json.ts'
import { compileInput } from '../../validate.ts'
import { requireFresh } from '../../../verify/freshness.ts'
import { decideFor, type LeanOperation } from './lean.ts'
import { DecisionSchema, presented, PresentedSchema } from './question.ts'
import type { Presented } from '../../../verify/verifier.ts'

/** A key has 74 characters, a permission 128 or a query 512: 4 KiB leaves room for foreign keys and spaces. */
const BODY_BYTES_MAX = 4_096

const described = {
  id: 'keys.verify',
  method: 'POST',
  path: '/v1/keys:verify',
  summary: 'Verify a presented key in the project and environment of the asking credential',
  permission: 'keys:verify',
  audit: null,
  demand: NO_DEMAND,
  status: 200,
  body: PresentedSchema,
  output: DecisionSchema,
  errors: [
    'verification.stale',
    'verification.busy',
    'request.too_large',
    'request.media_type',
    'request.malformed',
  ],
} as const

const validate = compileInput(described)

export const verifyKeyOperation: LeanOperation = {
  ...described,
  respond: (services, request, response, fail) => {
    if (!/^application\/json *(;|$)/i.test(request.headers['content-type'] ?? ''))
      throw new DomainError('request.media_type')
    readBody(request, fail, (body) => {
      const credential = bearerOf(request.headers.authorization)
      const { verifier } = services
      const { position } = verifier.index
      const done = (decision: Decision): void => {
        const text = answerText(decision, position, requireFresh(verifier))
        response.writeHead(200, {
          'content-type': 'application/json; charset=utf-8',
          'content-length': Buffer.byteLength(text),
          'cache-control': 'no-store',
        })
        response.end(text)
      }
      decideFor(services, credential, readQuestion(body), done, fail)
    })
  },
}

/** The common form of a body, without escapes or surprises; anything else takes the strict parser. */
const PLAIN_BODY =
  /^\{ ?"key": ?"([!#-[\]-~]{0,512})"(?:, ?"permission": ?"([ !#-[\]-~]{1,512})")?(?:, ?"address": ?"([0-9a-fA-F:.]{2,49})")? ?\}$/

function readQuestion(bytes: Buffer): Presented {
  const plain = PLAIN_BODY.exec(bytes.toString('latin1'))
  if (plain !== null) {
    const [, key = '', permission, address] = plain
    return presented(
      {
        key,
        ...(permission === undefined ? {} : { permission }),
        ...(address === undefined ? {} : { address }),
      },
      '/body',
    )
  }
  const input = validate({ params: undefined, query: undefined, body: parseStrictJson(bytes) })
  return presented(input.body as Static<typeof PresentedSchema>, '/body')
}

/** Built by hand: but for the owner's facts every value is an id, a code or a number, which need no escaping. */
function answerText({ code, reason, record, version }: Decision, position: number, ageMs: number): string {
  const text = (value: string | null): string => (value === null ? 'null' : `"${value}"`)
  return (
    `{"code":"${code}","valid":${code === 'VALID'},"reason":${text(reason)},` +
    `"keyId":${text(record?.keyId ?? null)},"version":${version ?? 'null'},"ownerId":${text(record?.ownerId ?? null)},` +
    `"owner":${record?.owner?.json ?? 'null'},` +
    `"environment":${text(record?.environment ?? null)},"position":${position},"ageMs":${ageMs}}`
  )
}

/** Calls `done` with the whole body, or `fail` once: too large, cut off, or because `done` threw. */
function readBody(
  request: IncomingMessage,
  fail: (error: unknown) => void,
  done: (body: Buffer) => void,
): void {
  let body: Buffer = NO_BYTES
  const take = (chunk: Buffer): void => {
    body = body === NO_BYTES ? chunk : Buffer.concat([body, chunk])
    if (body.length <= BODY_BYTES_MAX) return
    // The rest is read and dropped until the answer closes the connection.
    request.off('data', take).off('end', finish).resume()
    fail(new DomainError('request.too_large'))
  }
  const finish = (): void => {
    try {
      done(body)
    } catch (error) {
      fail(error)
    }
  }
  request.on('data', take).on('end', finish).on('error', fail)
}

const NO_BYTES = Buffer.alloc(0)
