import { StartError } from '../../errors.ts'
import { changedOutside, type Head, openHead, type SealedHead } from '../head.ts'
import { LogError } from '../log-fold.ts'
import type { AuditEntry } from '../records.ts'
import type { Integrity } from '../store.ts'
import type { Queryable } from './driver.ts'

/** The sealed head of the log and the leaves from a position on, as they are at one moment. */
export interface LogSlice {
  /** Null where nothing was ever committed. */
  readonly head: Head | null
  readonly entries: readonly AuditEntry[]
}

/** One statement sees one state of the database, so head and leaves belong together without a transaction. */
const READ_LOG = `
  SELECT pg_is_in_recovery() AS standby, h.size, h.root, h.mac, e.position, e.leaf, e.leaf_hash
  FROM (SELECT) AS one LEFT JOIN audit_head h ON true
  LEFT JOIN LATERAL (
    SELECT position, leaf, leaf_hash FROM audit_entry WHERE position >= $1 ORDER BY position LIMIT $2
  ) AS e ON true ORDER BY e.position`

interface Row extends SealedHead {
  readonly standby: boolean
  readonly position: number | null
  readonly leaf: Uint8Array
  readonly leaf_hash: Uint8Array
}

/**
 * Reads at most `count` leaves from position `from` on. LogError when the head's MAC does not hold or leaves lie beyond
 * it; an ordinary error when the server has become a standby, which may be behind.
 */
export async function readLog(
  queryable: Queryable,
  from: number,
  count: number,
  headMac: Integrity['headMac'],
): Promise<LogSlice> {
  const { rows } = await queryable.query({ name: 'read log', text: READ_LOG, values: [from, count] })
  const found = rows as (Row | (Row & { readonly size: null }))[]
  const [first] = found
  if (first?.standby !== false) throw new Error('the server is a standby: what it holds may be old')
  const head = first.size === null ? null : openedHead(first, headMac)
  const entries = found.flatMap(({ position, leaf, leaf_hash: leafHash }) =>
    position === null ? [] : [{ position, bytes: leaf, leafHash }],
  )
  const beyond = entries.find(({ position }) => position >= (head?.size ?? 0))
  if (beyond !== undefined) throw new LogError(`leaf ${beyond.position} was added`)
  return { head, entries }
}

/** The batch of a leaf in the log, or null; a leaf and its batch never change, so any later moment will do. */
export async function readBatch(queryable: Queryable, position: number): Promise<Uint8Array | null> {
  const text = 'SELECT batch FROM audit_entry WHERE position = $1'
  const { rows } = await queryable.query({ name: 'read batch', text, values: [position] })
  return (rows as { readonly batch: Uint8Array | null }[])[0]?.batch ?? null
}

function openedHead(row: SealedHead, headMac: Integrity['headMac']): Head {
  try {
    return openHead(row, headMac)
  } catch (error) {
    if (error instanceof StartError) throw new LogError('its sealed head was changed')
    throw error
  }
}

/** What an operator is told at a start. */
export function brokenLog(error: LogError): StartError {
  return new StartError(changedOutside(`the log is not what was written: ${error.message}`), { cause: error })
}
