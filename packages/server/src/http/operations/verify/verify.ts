import { ADDRESS_LENGTH_MAX, parseAddress } from '@keystead/protocol/address'
import type { Decision } from '@keystead/protocol/decision'
import { VERIFICATION_CODES } from '@keystead/protocol/decision'
import { PERMISSION_QUERY_LENGTH_MAX } from '@keystead/protocol/permission-query'
import type { IncomingMessage } from 'node:http'
import { Type } from 'typebox'
import { bearerOf } from '../../../access/bearer.ts'
import { DomainError } from '../../../errors.ts'
import { NO_DEMAND } from '../../operation.ts'
import { closed, EnvironmentSchema, nullable } from '../../schemas.ts'
import { parseStrictJson } from '../../strict-json.ts'
import { compileInput } from '../../validate.ts'
import { requireFresh } from '../../../verify/freshness.ts'
import { decideFor, type LeanOperation } from './lean.ts'
import type { Presented } from '../../../verify/verifier.ts'

/** A key has 74 characters and a permission 128: 4 KiB leaves room for foreign keys and spaces. */
const BODY_BYTES_MAX = 4_096
const TEXT_LENGTH_MAX = 512

const described = {
  id: 'keys.verify',
  method: 'POST',
  path: '/v1/keys:verify',
  summary: 'Verify a presented key in the project and environment of the asking credential',
  permission: 'keys:verify',
  audit: null,
  demand: NO_DEMAND,
  status: 200,
  body: closed({
    key: Type.String({ maxLength: TEXT_LENGTH_MAX }),
    permission: Type.Optional(
      Type.String({
        maxLength: PERMISSION_QUERY_LENGTH_MAX,
        description: 'one permission such as orders:trade, or several with AND, OR, NOT and parentheses',
      }),
    ),
    address: Type.Optional(
      Type.String({
        maxLength: ADDRESS_LENGTH_MAX,
        description: 'where the client calls from: an IPv4 or IPv6 address, as your service knows it',
      }),
    ),
  }),
  output: closed({
    code: Type.Enum([...VERIFICATION_CODES]),
    valid: Type.Boolean(),
    reason: nullable(Type.String({ description: 'a revocation reason, `expired` or `rotated`' })),
    keyId: nullable(Type.String()),
    version: nullable(Type.Integer({ description: 'the number of the key version that was presented' })),
    ownerId: nullable(Type.String()),
    owner: nullable(
      closed({ externalId: Type.String(), metadata: Type.Record(Type.String(), Type.String()) }),
    ),
    environment: nullable(EnvironmentSchema),
    position: Type.Integer({ description: 'the size of the log that the verifier has followed' }),
    ageMs: Type.Integer({ description: 'how long ago the verifier was known to be current' }),
  }),
  errors: ['verification.stale', 'request.too_large', 'request.media_type', 'request.malformed'],
} as const

const validate = compileInput(described)

export const verifyKeyOperation: LeanOperation = {
  ...described,
  respond: (services, request, response, fail) => {
    if (!/^application\/json *(;|$)/i.test(request.headers['content-type'] ?? ''))
      throw new DomainError('request.media_type')
    readBody(request, fail, (body) => {
      const decision = decideFor(services, bearerOf(request.headers.authorization), readQuestion(body))
      const { verifier } = services
      const text = answerText(decision, verifier.index.position, requireFresh(verifier))
      response.writeHead(200, {
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(text),
        'cache-control': 'no-store',
      })
      response.end(text)
    })
  },
}

/** The common form of a body, without escapes or surprises; anything else takes the strict parser. */
const PLAIN_BODY =
  /^\{ ?"key": ?"([!#-[\]-~]{0,512})"(?:, ?"permission": ?"([ !#-[\]-~]{1,512})")?(?:, ?"address": ?"([0-9a-fA-F:.]{2,49})")? ?\}$/

function readQuestion(bytes: Buffer): Presented {
  const plain = PLAIN_BODY.exec(bytes.toString('latin1'))
  if (plain !== null) return presented(plain[1] ?? '', plain[2], plain[3])
  const input = validate({ params: undefined, query: undefined, body: parseStrictJson(bytes) })
  const { key, permission, address } = input.body as { key: string; permission?: string; address?: string }
  return presented(key, permission, address)
}

function presented(text: string, permission: string | undefined, addressText: string | undefined): Presented {
  const address = addressText === undefined ? null : parseAddress(addressText)
  if (addressText !== undefined && address === null) {
    const message = 'must be one IPv4 or IPv6 address'
    throw new DomainError('request.invalid', null, { errors: [{ path: '/body/address', message }] })
  }
  return { text, permission: permission ?? null, address }
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
