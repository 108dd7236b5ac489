import type { Decision } from '@keystead/protocol/decision'
import { type Static, Type } from 'typebox'
import { requireFresh } from '../../../verify/freshness.ts'
import { placeOf, verify } from '../../../verify/verifier.ts'
import { operation } from '../../operation.ts'
import { closed } from '../../schemas.ts'
import { DecisionSchema, presented, PresentedSchema } from './question.ts'

/** A hundred questions take about a millisecond of the event loop. */
const ITEMS_MAX = 100

export const verifyBatchOperation = operation({
  id: 'keys.verify-batch',
  method: 'POST',
  path: '/v1/keys:verifyBatch',
  summary: 'Verify up to 100 presented keys; each is answered as alone, in the order of the questions',
  permission: 'keys:verify',
  audit: null,
  status: 200,
  body: closed({ items: Type.Array(PresentedSchema, { minItems: 1, maxItems: ITEMS_MAX }) }),
  output: closed({ items: Type.Array(DecisionSchema) }),
  errors: ['verification.stale', 'verification.busy'],
  handle: async ({ verifier }, by, { body }) => {
    const place = placeOf(by)
    const questions = body.items.map((item, i) => presented(item, `/body/items/${i}`))
    // As of the first answer: what is committed while slow hashes are made is in some answers only.
    const { position } = verifier.index
    const followedAt = verifier.clock() - requireFresh(verifier)
    const decisions: Decision[] = []
    // One after the other: a batch of imported keys must not fill the queue of slow hashes by itself.
    for (const question of questions) decisions.push(await verify(verifier, place, question))
    const ageMs = Math.max(0, verifier.clock() - followedAt)
    return { items: decisions.map((decision) => presentDecision(decision, position, ageMs)) }
  },
})

function presentDecision(
  { code, reason, record, version }: Decision,
  position: number,
  ageMs: number,
): Static<typeof DecisionSchema> {
  return {
    code,
    valid: code === 'VALID',
    reason,
    keyId: record?.keyId ?? null,
    version,
    ownerId: record?.ownerId ?? null,
    owner: JSON.parse(record?.owner?.json ?? 'null') as Static<typeof DecisionSchema>['owner'],
    environment: record?.environment ?? null,
    position,
    ageMs,
  }
}
