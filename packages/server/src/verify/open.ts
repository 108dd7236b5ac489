import type { Domain } from '../domain.ts'
import { Upgrades } from '../keys/import/upgrades.ts'
import { SlowHashes } from '../keys/import/slow/pool.ts'
import type { Log } from '../log.ts'
import type { Emitter } from '../usage/record.ts'
import { UsageRecorder } from '../usage/recorder.ts'
import { AddressCounter } from './addresses.ts'
import { ForeignTexts } from './foreign.ts'
import type { KeyIndex } from './index.ts'
import { PermissionQueries } from './permission-queries.ts'
import type { Verifier } from './verifier.ts'

/** A verifier with what it writes down on the way and hands to the store later. */
export interface OpenVerifier extends Verifier {
  readonly usage: UsageRecorder
  readonly upgrades: Upgrades
  /** Ends its threads, and stores what has been written down. Slow hashes that are being made are given up. */
  close(): Promise<void>
}

/** A verifier over an index that follows the store. */
export function openVerifier(domain: Domain, index: KeyIndex, emitter: Emitter, log: Log): OpenVerifier {
  const usage = new UsageRecorder(domain, emitter, log)
  const addresses = new AddressCounter(domain.store, log)
  const upgrades = new Upgrades(domain, log)
  const slowHashes = new SlowHashes()
  return {
    ...{ index, usage, addresses, upgrades },
    foreign: new ForeignTexts({ domain, index, slowHashes, upgrades }),
    queries: new PermissionQueries(),
    clock: domain.clock,
    ageMs: () => domain.store.ageMs(),
    async close() {
      await slowHashes.close()
      await Promise.all([usage.close(), addresses.flush(), upgrades.flush()])
    },
  }
}
