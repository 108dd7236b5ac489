import type { Address } from '@keystead/protocol/address'
import { decide, type KeyRecord, type VerificationCode } from '@keystead/protocol/decision'
import { DomainError } from '../errors.ts'
import { hashText } from '../hash.ts'
import type { KeyId } from '../ids.ts'
import { requireFresh } from './freshness.ts'
import { lookupIn, type Verifier } from './verifier.ts'

/** What somebody has shown by presenting an API key. */
export interface Possession {
  readonly keyId: KeyId
  readonly record: KeyRecord
  /** Which version of the key was presented. */
  readonly versionNumber: number
  /** What a verification would answer. */
  readonly code: VerificationCode
}

/**
 * The issued key that a presented text proves, whatever its state; `access.unauthenticated` for every text that proves
 * none, `verification.stale` when the index may be old. NOT checked: that the key may be used now, which is `code`.
 */
export function provePossession(
  verifier: Verifier,
  text: string | null,
  address: Address | null,
): Possession {
  requireFresh(verifier)
  const now = verifier.clock()
  const question = {
    text: text ?? '',
    kind: 'key',
    projectId: null,
    environment: null,
    permission: null,
  } as const
  const decision = decide({ ...question, address, now }, lookupIn(verifier.index), hashText)
  const { record, version, code } = decision
  if (record === null || version === null) throw new DomainError('access.unauthenticated')
  return { keyId: record.keyId as KeyId, record, versionNumber: version, code }
}
