import { type AuditEvent, sealEvent, splitLeaf } from '@keystead/protocol/audit-event'
import { commitmentOf } from '@keystead/protocol/audit-state'
import { equalInConstantTime } from '@keystead/protocol/constant-time'
import type { Clock } from '../clock.ts'
import { sha256 } from '../hash.ts'
import { type BootId, newId } from '../ids.ts'
import type { Keyring } from '../keystore/keystore.ts'
import type { Random } from '../random.ts'
import type { Integrity } from '../storage/store.ts'

export interface AppendOptions {
  readonly keyring: Keyring
  readonly clock: Clock
  readonly random: Random
  readonly boot: BootId
  /** The name of this process in the log: printable ASCII, at most 64 characters. */
  readonly node: string
}

/**
 * What makes a change accountable: the MAC of each row, the salted commitment to its content, and the leaf with its own
 * MAC. A leaf that somebody wrote by SQL has no valid MAC and is never signed (T-06).
 */
export function createIntegrity(options: AppendOptions): Integrity {
  const { keyring, clock, random, boot, node } = options
  const saltOf = ({ type, id, version }: { type: string; id: string; version: number }): Uint8Array =>
    keyring.commitmentSalt(`${type}:${id}:${version}`)
  return {
    rowMac: (text) => keyring.rowMac(text),
    headMac: (text) => keyring.headMac(text),
    isOurs(bytes) {
      const leaf = splitLeaf(bytes)
      return leaf !== null && equalInConstantTime(keyring.leafMac(leaf.body), leaf.mac)
    },
    commitment(target, text) {
      return commitmentOf(sha256, saltOf(target), text)
    },
    commitmentSalt: (target) => Buffer.from(saltOf(target)).toString('base64url'),
    leaf(provenance, event, targets) {
      const body: Omit<AuditEvent, 'mac'> = {
        v: 1,
        id: newId('event', clock, random),
        nonce: Buffer.from(random(16)).toString('base64url'),
        at: new Date(clock()).toISOString(),
        boot,
        node,
        project: event.projectId,
        environment: event.environment,
        action: event.action,
        outcome: 'success',
        reason: event.reason ?? null,
        actor: provenance.actor,
        targets,
        request: provenance.request,
        details: event.details ?? {},
      }
      return sealEvent(body, (bytes) => keyring.leafMac(bytes))
    },
  }
}
