import type { Kysely } from 'kysely'
import type { AddressUse } from './records.ts'
import type { Statements } from './statements.ts'
import type { Tables } from './tables.ts'

/** Callers of one version of a key that are told apart; the latest stay. */
const ADDRESSES_MAX = 32

/** Adds to what is known of one address, and forgets the ones that were silent longest beyond the bound. */
export async function addAddressUse(statements: Statements, use: AddressUse): Promise<void> {
  const row = {
    key_id: use.keyId,
    version_number: use.versionNumber,
    address: use.address,
    count: use.count,
    last_at: use.lastAt,
  }
  const add = (db: Kysely<Tables>) =>
    db
      .insertInto('key_use_address')
      .values(row)
      .onConflict((conflict) =>
        conflict.columns(['key_id', 'version_number', 'address']).doUpdateSet((held) => ({
          count: held('key_use_address.count', '+', held.ref('excluded.count')),
          last_at: held.ref('excluded.last_at'),
        })),
      )
  await statements.run('add an address', add, Object.values(row))
  const forget = (db: Kysely<Tables>) =>
    db
      .deleteFrom('key_use_address')
      .where('key_id', '=', '')
      .where('version_number', '=', 0)
      .where('address', 'not in', (known) =>
        known
          .selectFrom('key_use_address')
          .select('address')
          .where('key_id', '=', '')
          .where('version_number', '=', 0)
          .orderBy('last_at', 'desc')
          .orderBy('address')
          .limit(ADDRESSES_MAX),
      )
  const which = [use.keyId, use.versionNumber]
  await statements.run('forget addresses', forget, [...which, ...which, ADDRESSES_MAX])
}
