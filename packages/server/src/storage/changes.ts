import { IMPORT_SOURCE } from './import-rows.ts'
import type { ApiKey, ImportSource, Owner, Role } from './records.ts'
import { API_KEY, OWNER, ROLE, type SealedTable } from './rows.ts'
import type { Changes } from './store.ts'

/** Changes that are being gathered. */
export type Gathered = { readonly [Part in keyof Changes]: Changes[Part][number][] }

export function noChanges(): Gathered {
  return { keys: [], owners: [], roles: [], importSources: [], withdrawn: [] }
}

/** Adds an object of a table as it is now, if it is one that others keep in memory. */
export function noteChange(
  changes: Gathered,
  { table }: { readonly table: SealedTable },
  record: unknown,
): void {
  if (table === API_KEY.table) changes.keys.push(record as ApiKey)
  if (table === OWNER.table) changes.owners.push(record as Owner)
  if (table === ROLE.table) changes.roles.push(record as Role)
  if (table === IMPORT_SOURCE.table) changes.importSources.push(record as ImportSource)
}
