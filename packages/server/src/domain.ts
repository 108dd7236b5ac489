import type { Clock } from './clock.ts'
import type { Cipher } from './keystore/keystore.ts'
import type { Random } from './random.ts'
import type { Store } from './storage/store.ts'

/** What every domain function is given: nothing in it knows HTTP or SQL. */
export interface Domain {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  /** For what must be stored and read again, foreign hashes and HMAC keys; and for what is stored to be known again. */
  readonly cipher: Cipher
  /** How this deployment's keys begin: 2 to 12 characters of [a-z0-9], a letter first. */
  readonly brand: string
}
