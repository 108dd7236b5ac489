import { AuditEventError, parseAuditEvent } from '@keystead/protocol/audit-event'
import { base64Encode } from '@keystead/protocol/bytes'
import { equalInConstantTime } from '@keystead/protocol/constant-time'
import type { Kysely } from 'kysely'
import { StartError } from '../errors.ts'
import { API_KEY, OWNER, requireAuthentic, SEALED, type StoredRow } from './rows.ts'
import { SealedState } from './sealed-state.ts'
import type { Changes, Integrity, Reader } from './store.ts'
import type { ApiKeyTable, OwnerTable, Tables } from './tables.ts'

/** Rows that the start reads at a time: small pages die young, large ones grow the heap for good. */
const ROWS_PER_READ = 500
const LEAVES_PER_READ = 1_000
/** Enough to see what happened; the rest is one question to the log away. */
const DIFFERENCES_MAX = 5

export interface Head {
  readonly size: number
  readonly root: Uint8Array
}

/**
 * Reads every sealed row once, at start: each MAC must hold, and all of them together with the head of the log must be
 * what the last commit sealed. StartError, naming rows, when somebody has altered, added, deleted or put back a row, or
 * added a leaf, while the server was not running (T-05, T-06, T-07). `onLoaded` gets records on the way, before the whole
 * is known to be good: throw away what it made of them when this throws.
 */
export async function loadSealedState(
  db: Kysely<Tables>,
  reader: Reader,
  integrity: Integrity,
  head: Head,
  onLoaded: (changes: Changes) => void,
): Promise<SealedState> {
  const state = new SealedState()
  for (const codec of SEALED) {
    await loadTable(db, codec, state, integrity, (rows) => {
      if (codec === API_KEY)
        onLoaded({ keys: rows.map((row) => API_KEY.fromRow(row as ApiKeyTable)), owners: [] })
      if (codec === OWNER) onLoaded({ keys: [], owners: rows.map((row) => OWNER.fromRow(row as OwnerTable)) })
    })
  }
  const sealed = await db.selectFrom('sealed_state').select('mac').executeTakeFirst()
  const isEmpty = head.size === 0 && state.versions().size === 0 && sealed === undefined
  if (isEmpty || equalInConstantTime(integrity.stateMac(sealedText(state, head)), sealed?.mac ?? ''))
    return state
  const differences = await compareWithLog(reader, state.versions(), head.size)
  const what = differences.length === 0 ? 'the log or its seal was changed' : differences.join('; ')
  throw new StartError(
    `The database was changed outside Keystead: ${what}. See docs/operate/troubleshooting.md. Nothing was changed.`,
  )
}

/** What a commit seals: the head of the log, and the sum over all rows. */
export function sealedText(state: SealedState, head: Head): string {
  return JSON.stringify(['sealed_state', head.size, base64Encode(head.root), state.sum()])
}

async function loadTable(
  db: Kysely<Tables>,
  codec: (typeof SEALED)[number],
  state: SealedState,
  integrity: Integrity,
  onRows: (rows: readonly StoredRow[]) => void,
): Promise<void> {
  for (let after = ''; ;) {
    const page = db
      .selectFrom(codec.table)
      .selectAll()
      .where('id', '>', after)
      .orderBy('id')
      .limit(ROWS_PER_READ)
    const rows = await page.execute()
    const last = rows.at(-1)
    if (last === undefined) return
    for (const row of rows) {
      state.replace(row.id, row.version, null, requireAuthentic(codec, row, integrity.sealRow).tag)
    }
    onRows(rows)
    after = last.id
  }
}

/** Names the objects whose stored version is not the last one in the log. */
async function compareWithLog(
  reader: Reader,
  stored: ReadonlyMap<string, number>,
  size: number,
): Promise<string[]> {
  const logged = new Map<string, number>()
  for (let from = 0; from < size; from += LEAVES_PER_READ) {
    for (const entry of await reader.auditEntries(from, LEAVES_PER_READ)) {
      for (const target of targetsOf(entry.bytes)) logged.set(target.id, target.version)
    }
  }
  const differences: string[] = []
  for (const [id, version] of logged) {
    const found = stored.get(id)
    if (found === undefined) differences.push(`the row of ${id} is missing`)
    else if (found !== version)
      differences.push(`the row of ${id} is version ${found}, the log says ${version}`)
  }
  for (const id of stored.keys()) if (!logged.has(id)) differences.push(`the row of ${id} is not in the log`)
  return differences.slice(0, DIFFERENCES_MAX)
}

function targetsOf(leaf: Uint8Array): readonly { id: string; version: number }[] {
  try {
    return parseAuditEvent(leaf).targets
  } catch (error) {
    if (error instanceof AuditEventError) return []
    throw error
  }
}
