import { Agent } from 'node:http'
import { send } from './http.ts'
import { at, parseJson } from './json.ts'
import type { Permission } from './methods.ts'

/** What Keystead decided on a key, or that it could not be asked. Only `allowed: true` lets a call through. */
export type Decision =
  | { readonly allowed: true; readonly keyId: string; readonly ownerId: string }
  | {
      readonly allowed: false
      readonly available: true
      readonly code: string
      readonly reason: string | null
    }
  | { readonly allowed: false; readonly available: false; readonly problem: string }

/** Asks Keystead about keys. Close it to end its connections. */
export type Keystead = {
  readonly verify: (key: string, permission: Permission | undefined) => Promise<Decision>
  readonly close: () => void
}

/** Connections kept open to Keystead: more calls than this wait for a free one. */
const CONNECTIONS_MAX = 32
/** Verification takes well under a millisecond; after two seconds Keystead counts as away and calls are refused. */
const VERIFY_TIMEOUT_MS = 2_000

/**
 * A client of `POST /v1/keys:verify`. `url` is Keystead's address, `rootKey` the provider's own root key, which is
 * bound to one project and environment and holds `keys:verify` and nothing else: that binding, not the customer's key,
 * decides for which environment keys are accepted. Never throws: whatever is not a clear VALID is a refusal.
 */
export function connectKeystead(url: string, rootKey: string): Keystead {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX })
  const headers = { authorization: `Bearer ${rootKey}` }
  return {
    verify: async (key, permission) => {
      const body = JSON.stringify(permission === undefined ? { key } : { key, permission })
      try {
        const answer = await send(agent, {
          method: 'POST',
          url: `${url}/v1/keys:verify`,
          headers,
          body,
          timeoutMs: VERIFY_TIMEOUT_MS,
          repeatable: true,
        })
        return readDecision(answer.status, parseJson(answer.body))
      } catch (error) {
        return unavailable(error instanceof Error ? error.message : String(error))
      }
    },
    close: () => agent.destroy(),
  }
}

/** Reads an answer of `POST /v1/keys:verify`. Anything but a well-formed decision counts as "could not be asked". */
export function readDecision(status: number, body: unknown): Decision {
  const code = at(body, 'code')
  if (status !== 200) return unavailable(`status ${status}${typeof code === 'string' ? ` ${code}` : ''}`)
  const valid = at(body, 'valid')
  if (typeof code !== 'string' || typeof valid !== 'boolean')
    return unavailable('an answer that is no decision')
  if (valid !== (code === 'VALID')) return unavailable('an answer that contradicts itself')
  if (!valid) {
    const reason = at(body, 'reason')
    return { allowed: false, available: true, code, reason: typeof reason === 'string' ? reason : null }
  }
  const keyId = at(body, 'keyId')
  const ownerId = at(body, 'ownerId')
  if (typeof keyId !== 'string' || typeof ownerId !== 'string')
    return unavailable('a decision without key or owner')
  return { allowed: true, keyId, ownerId }
}

function unavailable(problem: string): Decision {
  return { allowed: false, available: false, problem }
}
