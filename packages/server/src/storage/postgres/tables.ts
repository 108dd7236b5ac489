import type { Generated } from 'kysely'
import type { Tables } from '../tables.ts'

/** The tables of PostgreSQL: those that every database has, and two for giving out positions. */
export interface PostgresTables extends Tables {
  audit_pending: AuditPendingTable
  audit_lease: AuditLeaseTable
}

/** Why no decision trusts the tables that only PostgreSQL has (TABLE_TRUST has the others). */
export const POSTGRES_TABLE_TRUST: Readonly<
  Record<Exclude<keyof PostgresTables, keyof Tables>, { readonly why: string }>
> = {
  audit_pending: { why: 'each leaf carries its own MAC, and gets a position only if it follows the log' },
  audit_lease: { why: 'who holds it can only append what passes the same checks; at worst nobody does' },
}

/** The leaf of a committed change that has no position yet. */
interface AuditPendingTable {
  readonly n: Generated<number>
  readonly leaf: Uint8Array
  readonly leaf_hash: Uint8Array
  readonly action: string
  readonly batch: Uint8Array | null
  /** Why it gets no position; null for all that this server wrote. */
  readonly refused: string | null
}

interface AuditLeaseTable {
  readonly id: number
  readonly holder: string
  readonly until: Date
}
