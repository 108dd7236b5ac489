import type { Decision } from '@keystead/protocol/decision'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { Type } from 'typebox'
import { bearerOf } from '../../../access/bearer.ts'
import { clientAddress } from '../../../access/client-address.ts'
import { NO_DEMAND } from '../../operation.ts'
import { decideFor, type LeanOperation } from './lean.ts'

/**
 * For gateways (nginx auth_request and the like): the key stays in the headers it came in, the answer is a status. The
 * gateway's own credential comes in `x-keystead-caller`, which it sets itself and must never pass through from outside.
 */
export const authorizeOperation: LeanOperation = {
  id: 'keys.authorize',
  method: 'GET',
  path: '/v1/authorize',
  summary: 'Verify the key of a request for a gateway: 200, 401 or 403 without a body',
  permission: 'keys:verify',
  audit: null,
  demand: NO_DEMAND,
  status: 200,
  output: Type.String({ maxLength: 0 }),
  outputType: 'text/plain',
  errors: ['verification.busy'],
  respond: (services, request, response, fail) => {
    const { headers } = request
    const caller = single(headers['x-keystead-caller'])
    const presented = {
      text: presentedKey(headers),
      permission: single(headers['x-keystead-permission']),
      path: '/headers/x-keystead',
      address: clientAddress(
        request.socket.remoteAddress,
        single(headers['x-forwarded-for']) ?? undefined,
        services.trustedProxies,
      ),
    }
    decideFor(services, caller, presented, (decision) => answer(response, decision), fail)
  },
}

function answer(response: ServerResponse, { code, reason, record, version }: Decision): void {
  response.writeHead(statusOf(code), {
    'content-length': 0,
    'cache-control': 'no-store',
    'x-keystead-code': code,
    ...(reason === null ? {} : { 'x-keystead-reason': reason }),
    ...(record === null
      ? {}
      : {
          'x-keystead-key-id': record.keyId,
          'x-keystead-version': version ?? 0,
          'x-keystead-owner': record.ownerId ?? '',
          'x-keystead-owner-external-id': record.owner?.externalId ?? '',
        }),
  })
  response.end()
}

/** A request with two credentials has none: which one counts must not depend on who reads it (T-12). */
function presentedKey(headers: IncomingHttpHeaders): string {
  const apiKey = single(headers['x-api-key'])
  if (headers.authorization === undefined) return apiKey ?? ''
  return apiKey === null ? (bearerOf(headers.authorization) ?? '') : ''
}

function single(value: string | string[] | undefined): string | null {
  return typeof value === 'string' ? value : null
}

function statusOf(code: string): number {
  if (code === 'VALID') return 200
  return code === 'INSUFFICIENT_PERMISSIONS' || code === 'ADDRESS_NOT_ALLOWED' ? 403 : 401
}
